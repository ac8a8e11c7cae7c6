from pathlib import Path

import compress_probe as probe
import numpy as np
import pytest

from edgekit.compress.prune import prune_file
from edgekit.data.spec import DataSpec
from edgekit.errors import RecipeError
from edgekit.project import Preprocessing
from edgekit.target import Prune
from edgekit.types import Pruned, TensorSpec
from edgekit.worker import Worker

PRUNED = {"conv/kernel", "separable/pointwise_kernel", "dense/kernel"}
"""What TFMOT prunes of the functional model: depthwise kernels are too small to spare any."""


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    with Worker(tmp_path_factory.mktemp("log") / "log") as process:
        yield process


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """128 training samples for the functional model: noise, in four classes by its brightness."""
    rng = np.random.default_rng(1)
    y = np.arange(160) % 4
    x = rng.random((160, 12, 12, 2), np.float32) * (1 + y[:, None, None, None])
    file = tmp_path_factory.mktemp("data") / "data.npz"
    np.savez(file, x_train=x[:128], y_train=y[:128], x_test=x[128:], y_test=y[128:])
    return DataSpec(str(file), "", Preprocessing(), (TensorSpec("image", (1, 12, 12, 2), "float32"),), 4, seed=1)


@pytest.fixture
def prune(process, models, data, tmp_path):
    """A function that prunes a model with settings and returns the file and what was said of it."""

    def run(settings, seed=1, name="pruned", model="functional_keras2.h5", data=data, **named):
        folder = tmp_path / name
        folder.mkdir()
        arguments = {"model": str(models / model), "data": data, "settings": settings, "seed": seed}
        said = process.call(
            prune_file, named=arguments | {"custom_objects": "", "folder": str(folder)}, returns=Pruned, **named
        )
        [file] = Path(folder).iterdir()
        return file, said

    return run


@pytest.mark.parametrize("sparsity", [0.0, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("schedule", ["polynomial", "constant"])
def test_each_layer_reaches_its_sparsity_exactly(process, prune, sparsity, schedule):
    file, said = prune(Prune(sparsity=sparsity, schedule=schedule, epochs=4, batch_size=16))
    counts = process.call(probe.zeros, str(file), returns=dict[str, tuple[int, int]])
    for name, (zeros, size) in counts.items():
        if name in PRUNED:
            assert abs(zeros - sparsity * size) <= 0.5, name
        elif "bias" not in name and "beta" not in name:
            assert zeros == 0, name
    assert said.sparsity.keys() == {name.split("/")[0] for name in PRUNED}
    assert said.left == ("depthwise",)
    assert said.sparsity["conv"] == pytest.approx(counts["conv/kernel"][0] / counts["conv/kernel"][1])
    assert said.sparsity["dense"] == pytest.approx(sparsity, abs=0.5 / 24)


def test_the_smallest_weights_go(process, prune, models):
    settings = Prune(sparsity=0.5, schedule="constant", epochs=1, learning_rate=1e-12)
    file, _ = prune(settings)
    before = str(models / "functional_keras2.h5")
    assert process.call(probe.largest_stay, before, str(file), "conv/kernel", returns=bool)


def test_the_schedule_matters(prune):
    files = [prune(Prune(sparsity=0.5, schedule=s, epochs=2), name=s)[0] for s in ("polynomial", "constant")]
    assert files[0].read_bytes() != files[1].read_bytes()


def test_the_seed_decides_the_bytes(prune):
    settings = Prune(sparsity=0.5, epochs=2, batch_size=16)
    first, again, other = (prune(settings, seed, str(i))[0].read_bytes() for i, seed in enumerate((1, 1, 2)))
    assert first == again != other


def test_without_labels_the_model_learns_from_itself(process, prune, data, tmp_path):
    with np.load(data.source) as file:
        np.savez(tmp_path / "plain.npz", x_train=file["x_train"], x_test=file["x_test"])
    plain = DataSpec(str(tmp_path / "plain.npz"), "", data.preprocessing, data.inputs, data.classes, data.seed)
    _, said = prune(Prune(sparsity=0.5, epochs=1), data=plain)
    assert said.sparsity["conv"] == 0.5


def test_epochs_are_told(prune):
    told = []
    prune(Prune(sparsity=0.5, epochs=3), progress=lambda text, share: told.append((text, share)))
    assert told and told[0][0].startswith("epoch ") and "/3, loss " in told[0][0]
    assert [share for _, share in told] == sorted(share for _, share in told)


class TestNothingToPrune:
    SPEC = DataSpec("random", "random", Preprocessing(), (TensorSpec("image", (1, 4, 4, 3), "float32"),), 3, seed=1)

    def test_is_said(self, prune):
        _, said = prune(Prune(sparsity=0.5), model="without_weights.h5", data=self.SPEC)
        assert said == Pruned({}, ())

    def test_is_an_error_where_pruning_is_required(self, prune):
        with pytest.raises(RecipeError, match=r"no layer that TFMOT can prune; set recipe\.prune = false"):
            prune(Prune(sparsity=0.5, required=True), model="without_weights.h5", data=self.SPEC)
