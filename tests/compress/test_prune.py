from pathlib import Path

import compress_probe as probe
import numpy as np
import pytest
from msgspec.structs import replace
from slow_part import all_but

from edgekit.compress.prune import Prune, PruneFacts, prune_file
from edgekit.data.spec import DataSpec, Preprocessing
from edgekit.errors import RecipeError
from edgekit.types import TensorSpec

PRUNED = {"conv/kernel", "separable/pointwise_kernel", "dense/kernel"}
"""What TFMOT prunes of the functional model: depthwise kernels are too small to spare any."""


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
        arguments |= {"custom_objects": "", "answers": None}
        said = process.call(prune_file, str(folder), named=arguments, returns=PruneFacts, **named)
        [file] = Path(folder).iterdir()
        return file, said

    return run


@pytest.mark.parametrize("sparsity", all_but((0.0, 0.9), [0.0, 0.3, 0.5, 0.9]))
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


def test_over_the_whole_model_the_smallest_of_all_go(process, prune, models):
    file, said = prune(Prune(sparsity=0.6, scope="model", epochs=0))
    counts = process.call(probe.zeros, str(file), returns=dict[str, tuple[int, int]])
    gone, of = (sum(counts[name][i] for name in PRUNED) for i in (0, 1))
    assert abs(gone - 0.6 * of) <= len(PRUNED)
    assert len(set(said.sparsity.values())) > 1
    assert process.call(probe.smallest_of_all, str(models / "functional_keras2.h5"), str(file), PRUNED, returns=bool)


@pytest.mark.parametrize("scope", ["layer", "model"])
@pytest.mark.parametrize("epochs", [0, 2])
def test_by_gradient_the_share_is_exact_too(process, prune, scope, epochs):
    file, _ = prune(Prune(sparsity=0.5, by="gradient", scope=scope, epochs=epochs, batch_size=32))
    counts = process.call(probe.zeros, str(file), returns=dict[str, tuple[int, int]])
    gone, of = (sum(counts[name][i] for name in PRUNED) for i in (0, 1))
    assert abs(gone - 0.5 * of) <= len(PRUNED)


def test_saliency_is_the_mean_of_weight_times_gradient(process):
    """y = w1 x1 + w2 x2, loss (y - t)²: the gradient of w1 is 2 (y - t) x1."""
    x, t, w = [[1.0, 2.0], [3.0, -1.0]], [0.5, 1.0], [2.0, -1.0]
    errors = [w[0] * a + w[1] * b - wanted for (a, b), wanted in zip(x, t, strict=True)]
    by_hand = [abs(w[i]) * abs(sum(2 * e * row[i] for e, row in zip(errors, x, strict=True)) / 2) for i in (0, 1)]
    single = [sum(abs(w[i] * 2 * e * row[i]) for e, row in zip(errors, x, strict=True)) / 2 for i in (0, 1)]
    assert process.call(probe.saliency_of_a_line, x, t, w, 2, returns=list[float]) == pytest.approx(by_hand)
    assert process.call(probe.saliency_of_a_line, x, t, w, 1, returns=list[float]) == pytest.approx(single)


@pytest.mark.parametrize(("by", "epochs"), [("magnitude", 0), ("gradient", 0), ("gradient", 1)])
def test_two_of_every_four_stay(process, prune, by, epochs):
    file, said = prune(Prune(sparsity=0.5, pattern="2:4", by=by, epochs=epochs))
    assert process.call(probe.most_in_four, str(file), "dense/kernel", returns=int) == 2
    assert said.sparsity["dense"] == pytest.approx(2 / 6)  # six inputs: four neighbours, and two that stay


def test_layers_have_settings_of_their_own(prune):
    settings = Prune(sparsity=0.5, layers={"conv": 0.8, "den*": 0.0}, exclude=("separable",), epochs=1)
    _, said = prune(settings)
    assert said.sparsity == {"conv": pytest.approx(0.8, abs=0.02), "dense": 0.0}
    assert said.left == ("depthwise", "separable")


def test_the_ends_can_be_protected(prune):
    _, said = prune(Prune(sparsity=0.5, protect=("first", "last"), epochs=0))
    assert list(said.sparsity) == ["separable"]


def test_a_layer_that_is_named_is_not_protected(prune):
    _, said = prune(Prune(sparsity=0.5, protect=("first", "last"), layers={"dense": 0.25}, epochs=0))
    assert said.sparsity["dense"] == 0.25


@pytest.mark.parametrize("place", ["exclude", "layers"])
def test_a_pattern_that_fits_nothing_names_the_nearest_layer(prune, place):
    value = {"exclude": ("densee",), "layers": {"densee": 0.5}}[place]
    with pytest.raises(RecipeError, match=rf'recipe\.prune\.{place}: no layer .* "densee"; did you mean "dense"\?'):
        prune(Prune(sparsity=0.5, **{place: value}))


def test_zeros_of_before_stay_while_it_trains_on(process, prune):
    first, _ = prune(Prune(sparsity=0.5, epochs=0))
    second, said = prune(Prune(sparsity=0.2, epochs=2, exclude=("conv",)), name="second", model=first)
    before, after = (process.call(probe.zeros, str(f), returns=dict[str, tuple[int, int]]) for f in (first, second))
    assert before["conv/kernel"] == after["conv/kernel"]
    assert said.sparsity["dense"] == 0.5


def test_early_stopping_ends_the_training(prune, data):
    told = []
    prune(
        Prune(sparsity=0.5, by="gradient", epochs=30, patience=1, settle=0.9, learning_rate=1.0),
        data=replace(data, held_out=True),
        progress=lambda text, share: told.append(text),
    )
    assert told and "epoch 30/" not in told[-1]


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
        assert said == PruneFacts({}, ())

    def test_is_an_error_where_pruning_is_required(self, prune):
        with pytest.raises(RecipeError, match=r"no layer that can be pruned; set recipe\.prune = false"):
            prune(Prune(sparsity=0.5, required=True), model="without_weights.h5", data=self.SPEC)
