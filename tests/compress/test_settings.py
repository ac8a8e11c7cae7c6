import pytest

from edgekit.compress.distil import Distil
from edgekit.compress.prune import Prune
from edgekit.compress.settings import FEW


@pytest.mark.parametrize(
    ("settings", "samples", "epochs"),
    [
        (Prune(sparsity=0.5, epochs=2), 600, 20),
        (Prune(sparsity=0.5, epochs=2), 2000, 7),
        (Prune(sparsity=0.5, epochs=2, batch_size=8), 600, None),
        (Prune(sparsity=0.5, epochs=2), 5000, None),
        (Prune(sparsity=0.5, epochs=0), 600, None),  # asked for without training
        (Distil(epochs=10), 64, 200),
        (Distil(epochs=FEW), 64, None),
    ],
)
def test_a_training_that_is_too_short_is_told_with_what_is_enough(settings, samples, epochs):
    said = settings.too_short("it", samples)
    assert said.endswith(f"--set recipe.it.epochs={epochs}") if epochs else said == ""
