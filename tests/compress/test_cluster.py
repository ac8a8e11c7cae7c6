from pathlib import Path

import compress_probe as probe
import numpy as np
import pytest

from edgekit.compress.cluster import Cluster, ClusterFacts, cluster_file
from edgekit.compress.prune import Prune, PruneFacts, prune_file
from edgekit.data.spec import DataSpec, Preprocessing
from edgekit.errors import RecipeError
from edgekit.types import TensorSpec


@pytest.fixture(scope="module")
def arguments(tmp_path_factory, models):
    """The functional model and 64 training samples for it."""
    rng = np.random.default_rng(1)
    file = tmp_path_factory.mktemp("data") / "data.npz"
    x, y = rng.random((80, 12, 12, 2), np.float32), np.arange(80) % 4
    np.savez(file, x_train=x[:64], y_train=y[:64], x_test=x[64:], y_test=y[64:])
    data = DataSpec(str(file), "", Preprocessing(), (TensorSpec("image", (1, 12, 12, 2), "float32"),), 4, seed=1)
    model = str(models / "functional_keras2.h5")
    return {"model": model, "data": data, "seed": 1, "custom_objects": "", "answers": None}


@pytest.fixture
def cluster(process, arguments, tmp_path):
    """A function that clusters a model with settings and returns the file and what was said of it."""

    def run(settings, name="clustered", **other):
        (tmp_path / name).mkdir()
        named = arguments | {"settings": settings} | other
        said = process.call(cluster_file, str(tmp_path / name), named=named, returns=ClusterFacts)
        return next(Path(tmp_path / name).iterdir()), said

    return run


def test_layers_have_few_values(process, cluster):
    file, said = cluster(Cluster(clusters=4, layers={"dense": 8}, epochs=1))
    counts = process.call(probe.values, str(file), returns=dict[str, int])
    assert counts["conv/kernel"] == said.values["conv"] == 4
    assert counts["dense/kernel"] == said.values["dense"] == 8


def test_the_seed_decides_the_bytes(cluster):
    first, again = (cluster(Cluster(clusters=4, epochs=1), str(i))[0].read_bytes() for i in (1, 2))
    other = cluster(Cluster(clusters=4, epochs=1), "3", seed=2)[0].read_bytes()
    assert first == again != other


def test_channels_can_have_values_of_their_own(process, cluster):
    together, apart = (cluster(Cluster(clusters=2, per_channel=p, epochs=0), str(p))[1] for p in (False, True))
    assert together.values["conv"] == 2 < apart.values["conv"]


@pytest.mark.parametrize("keep", [True, False])
def test_zeros_stay_zero_if_asked(process, cluster, arguments, tmp_path, keep):
    (tmp_path / "pruned").mkdir()
    named = arguments | {"settings": Prune(sparsity=0.5, epochs=0)}
    process.call(prune_file, str(tmp_path / "pruned"), named=named, returns=PruneFacts)
    pruned = next((tmp_path / "pruned").iterdir())
    file, _ = cluster(Cluster(clusters=4, epochs=2, keep_zeros=keep), model=str(pruned))
    zeros, size = process.call(probe.zeros, str(file), returns=dict[str, tuple[int, int]])["conv/kernel"]
    assert (zeros >= size / 2) == keep


@pytest.mark.parametrize(
    "settings", [{"clusters": 256}, {"clusters": 2}, {"clusters": 16, "per_channel": True}], ids=str
)
def test_layers_with_fewer_weights_than_values_are_left(cluster, arguments, process, tmp_path, settings):
    (tmp_path / "pruned").mkdir()
    named = arguments | {"settings": Prune(sparsity=0.95, epochs=0)}
    process.call(prune_file, str(tmp_path / "pruned"), named=named, returns=PruneFacts)
    pruned = next((tmp_path / "pruned").iterdir())
    _, said = cluster(Cluster(epochs=1, **settings), model=str(pruned))
    most = max(3, settings["clusters"]) if "per_channel" not in settings else 256
    assert all(values <= most for values in said.values.values())
    assert said.values or said.left
    assert bool(said.notes) == (not said.values)


@pytest.mark.parametrize(("clusters", "layers"), [(256, {}), (256, {"conv": 255}), (16, {"*": 256})])
def test_a_recipe_that_finds_no_layer_says_so(cluster, clusters, layers):
    _, said = cluster(Cluster(clusters=clusters, layers=layers, exclude=("dense*",), epochs=1))
    (note,) = said.notes
    assert not said.values and "nothing is clustered" in note and ("the 256 values" in note) == (not layers)


def test_a_pattern_that_fits_nothing_is_refused(cluster):
    with pytest.raises(RecipeError, match=r'recipe\.cluster\.layers: no layer with weights matches "x\*"'):
        cluster(Cluster(layers={"x*": 4}))
