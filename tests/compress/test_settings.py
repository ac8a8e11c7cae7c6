import subprocess
import sys

import compress_probe
import pytest
from msgspec.structs import replace

from edgekit.compress.channels import Channels
from edgekit.compress.cluster import Cluster
from edgekit.compress.distil import Distil
from edgekit.compress.prune import Prune
from edgekit.compress.settings import FEW
from edgekit.compress.targets import Objective
from edgekit.compress.technique import Given, Teaching
from edgekit.data.spec import DataSpec, Preprocessing
from edgekit.profile.recipe import Recipe
from edgekit.quantize.qat import Qat
from edgekit.quantize.rehearse import rehearsal
from edgekit.quantize.settings import Quantize
from edgekit.types import Artifact


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


MODEL, ANSWERS, TEACHER = (Artifact("keras", name, 1, name) for name in ("model", "answers", "teacher"))
DATA = DataSpec("random", "", Preprocessing(), (), 10, 1)
GIVEN = Given(DATA, 3, "", Quantize(), Teaching(TEACHER, ANSWERS, None), None)
COMMON = {"model": MODEL, "data": DATA, "seed": 3, "custom_objects": ""}
ALONE, TAUGHT = {"answers": None, "objective": None}, {"answers": ANSWERS, "objective": Objective(4.0, 0.9, 0.1)}
PARTS = [
    (Channels(sparsity=0.5), ALONE),
    (Prune(sparsity=0.5), ALONE),
    (Cluster(), ALONE),
    (Qat(), ALONE | {"quantize": Quantize()}),
    (Distil(), {"teacher": TEACHER, "answers": ANSWERS, "student": None}),
]


@pytest.mark.parametrize(("technique", "more"), PARTS, ids=[type(technique).__name__ for technique, _ in PARTS])
@pytest.mark.parametrize("learns", [False, True])
def test_a_stage_is_given_what_its_result_depends_on_and_no_more(technique, more, learns):
    given = replace(GIVEN, objective=Distil().objective) if learns else GIVEN
    wanted = COMMON | {"settings": technique} | more
    if learns and not isinstance(technique, Distil):
        wanted |= TAUGHT
    assert technique.call(MODEL, given).arguments == wanted


def test_every_technique_of_a_recipe_is_among_them():
    assert {type(technique) for technique, _ in PARTS} == set(Recipe.known().values())


@pytest.mark.parametrize("technique", [technique for technique, _ in PARTS], ids=lambda t: type(t).__name__)
def test_a_rehearsal_depends_on_the_code_of_what_is_tried_and_on_no_training(technique):
    calls = [
        rehearsal(MODEL, None, None, DATA, [changed], None, 1, "")
        for changed in (technique, replace(technique, epochs=7, learning_rate=0.5, patience=3))
    ]
    assert calls[0] == calls[1] and calls[0].modules == (type(technique).__module__,)


def test_recipes_and_their_techniques_load_no_library():
    code = """if True:
        import sys
        import edgekit.profile.recipe, edgekit.stages.compress
        heavy = {"numpy", "tensorflow", "tf_keras", "tensorflow_model_optimization", "h5py", "PIL"} & set(sys.modules)
        sys.exit(f"imported {heavy}" if heavy else 0)
    """
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_learning_rate_stays_or_falls_to_zero_over_the_whole_training(process):
    ends = 10, 100, [0, 10, 20]  # of 2 batches in each of 10 epochs
    assert process.call(compress_probe.rates, "none", *ends, returns=list[float]) == [0.01] * 3
    falling = process.call(compress_probe.rates, "cosine", *ends, returns=list[float])
    assert falling == pytest.approx([0.01, 0.005, 0.0], abs=1e-8)
