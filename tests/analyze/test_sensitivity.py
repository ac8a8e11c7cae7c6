from pathlib import Path

import numpy as np
import pytest
import sensitivity_probe as probe
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from scipy.stats import spearmanr
from slow_part import all_but

from edgekit.analyze.curves import BITS, Proposal, SensitivityCurves, Sweep
from edgekit.analyze.propose import longest, propose_file
from edgekit.analyze.recipe_text import pattern
from edgekit.analyze.sensitivity import ratio, sensitivity_file
from edgekit.analyze.sensitivity_plot import plot_file
from edgekit.commands.sensitivity import allowed, sweep
from edgekit.compress.allocate import SPARSITIES
from edgekit.compress.changes import channel_axes, on_grid
from edgekit.compress.greedy import Level, greedy_allocation, shares
from edgekit.config import decode, tomllib
from edgekit.data.spec import DataSpec, Preprocessing
from edgekit.errors import DataError, RecipeError
from edgekit.profile.profiles import load_target
from edgekit.profile.recipe import Recipe
from edgekit.quantize.settings import Quantize
from edgekit.types import TensorSpec

ROOT = Path(__file__).parents[2]
DIGITS = str(ROOT / "assets/digits.npz")
QUICK = Sweep("prune", (0.5, 0.8, 0.9), samples=600)


@pytest.fixture(scope="module")
def network(process, once):
    """A trained network of eight layers, with 1,000 samples that it has not learned."""
    folder = once("small_network", lambda f: process.call(probe.small_network, DIGITS, str(f), returns=None))
    inputs = (TensorSpec("image", (1, 14, 14, 1), "float32"),)
    return str(folder / "model.h5"), DataSpec(str(folder / "data.npz"), "", Preprocessing(), inputs, 10, seed=1)


@pytest.fixture(scope="module")
def reference(process, tmp_path_factory):
    """The reference model, in the form that stages take."""
    folder = tmp_path_factory.mktemp("reference")
    process.call("edgekit.model.read:load_file", str(folder), str(ROOT / "assets/digits.keras"), {}, returns=dict)
    inputs = (TensorSpec("image", (1, 28, 28, 1), "float32"),)
    return str(folder / "model.h5"), DataSpec(DIGITS, "", Preprocessing(scale=1 / 255), inputs, 10, seed=1)


def measure(process, model, data, settings):
    return process.call(sensitivity_file, "", model, data, settings, "", returns=SensitivityCurves)


def propose(process, model, data, settings, measured, limit, folder):
    arguments = (str(folder), model, data, settings, measured, limit, "")
    return process.call(propose_file, *arguments, returns=Proposal)


class TestFormulas:
    def test_the_ratio_of_error_rates(self):
        assert ratio(2.0, 3.0) == 0.5
        assert ratio(2.0, 1.0) == -0.5
        assert ratio(0.0, 3.0) is None

    def test_three_bits_are_the_integers_from_minus_three_to_three(self):
        values = np.array([[0.9, -0.6], [0.4, 0.25], [-0.1, 0.0]], np.float32)
        # Columns have steps of 0.3 and 0.2; then all have one of 0.3.
        assert on_grid(values, 3, (1,)) == pytest.approx(np.array([[0.9, -0.6], [0.3, 0.2], [0.0, 0.0]]))
        assert on_grid(values, 3, ()) == pytest.approx(np.array([[0.9, -0.6], [0.3, 0.3], [0.0, 0.0]]))
        assert not on_grid(np.zeros((2, 2), np.float32), 8, (1,)).any()

    def test_output_channels_are_where_tensorflow_lite_has_them(self):
        class Conv2DTranspose:
            pass

        assert channel_axes(object(), "conv/kernel:0", 4) == (3,)
        assert channel_axes(object(), "x/depthwise_kernel:0", 4) == (2, 3)
        assert channel_axes(Conv2DTranspose(), "up/kernel:0", 4) == (2,)
        assert channel_axes(object(), "e/embeddings:0", 2) == ()

    def test_the_cheapest_step_is_taken_first(self):
        ladders = {
            "big": [Level(0.5, 100, (1.0,)), Level(0.9, 180, (9.0,))],  # 0.01, then 0.1 for each byte
            "small": [Level(0.5, 10, (0.5,)), Level(0.9, 18, (0.7,))],  # 0.05, then 0.025
        }
        assert [(name, level.level) for name, level in greedy_allocation(ladders)] == [
            ("big", 0.5),
            ("small", 0.5),
            ("small", 0.9),
            ("big", 0.9),
        ]

    def test_noise_is_no_gain(self):
        """A level that seems to cost less than the one below costs the same: nothing more."""
        ladders = {"noisy": [Level(0.5, 10, (2.0,)), Level(0.7, 14, (1.0,))], "plain": [Level(0.5, 10, (0.1,))]}
        assert [name for name, _ in greedy_allocation(ladders)] == ["plain", "noisy", "noisy"]

    def test_the_last_step_is_taken_in_part(self):
        way = [("a", Level(0.5, 50, (0.0,))), ("b", Level(0.5, 150, (0.0,))), ("a", Level(0.9, 90, (0.0,)))]
        assert shares(way, {"a": 100, "b": 300}, 0.25) == pytest.approx({"a": 0.5, "b": 50 / 300})
        assert shares(way, {"a": 100, "b": 300}, 0.55) == pytest.approx({"a": 0.7, "b": 0.5})

    @given(
        st.dictionaries(
            st.text(min_size=1),
            st.tuples(st.integers(1, 10**6), st.lists(st.floats(-1, 1e9), min_size=3, max_size=3)),
            min_size=1,
            max_size=8,
        ),
        st.floats(0, 0.9),
    )
    def test_the_share_of_all_weights_is_what_was_asked(self, layers, sparsity):
        sizes = {name: size for name, (size, _) in layers.items()}
        levels = (0.3, 0.6, 0.9)
        ladders = {
            name: [Level(level, level * size, (cost,)) for level, cost in zip(levels, costs, strict=True)]
            for name, (size, costs) in layers.items()
        }
        found = shares(greedy_allocation(ladders), sizes, sparsity)
        assert sum(found[n] * sizes[n] for n in sizes) == pytest.approx(sparsity * sum(sizes.values()), abs=1e-6)
        assert all(-1e-9 <= share <= 0.9 + 1e-9 for share in found.values())

    def test_a_way_goes_on_past_a_step_that_does_not_fit(self):
        way = [(("a", "weights"), Level(n, n, ())) for n in (1, 2)] + [(("b", "weights"), Level(1, 1, ()))]

        def holds(steps):
            return sum(level.level for _, level in steps) <= 2

        assert longest(way, holds) == [way[0], way[2]]
        assert longest(way, lambda steps: True) == way
        assert longest(way, lambda steps: False) == []


class TestSimulation:
    def test_a_graph_is_cut_where_one_tensor_goes_on(self, process, network):
        assert process.call(probe.parts, network[0], returns=list[list[str]]) == [
            ["stem", "stem_norm", "stem_relu"],
            ["back", "join", "join_relu", "pool", "side"],
            ["separable"],
            ["flatten", "wide"],
            ["hidden"],
            ["spare"],
            ["digit"],
        ]

    @pytest.mark.parametrize("name", ["functional", "sequential", "shared_layers", "nested"])
    def test_the_segments_give_what_the_model_gives(self, process, models, name):
        count, worst = process.call(probe.difference, str(models / f"{name}_keras2.h5"), returns=tuple[int, float])
        assert worst < 1e-5
        assert count > 1 or name in ("shared_layers", "nested")

    @pytest.mark.parametrize(
        "name",
        all_but(
            ("wake_word.h5", "anomaly_autoencoder.h5"),
            ["wake_word.h5", "emotion_mini_xception.hdf5", "anomaly_autoencoder.h5", "yamnet_nested.h5"],
        ),
    )
    def test_so_do_those_of_real_models(self, process, shared, name):
        _, worst = process.call(probe.difference, str(shared / "models/keras" / name), returns=tuple[int, float])
        assert worst < 1e-4

    def test_a_channel_that_is_zero_is_a_channel_that_is_gone(self, process):
        assert process.call(probe.narrowed_and_removed, returns=float) < 1e-5

    def test_activations_of_two_bits_have_four_values(self, process):
        found = process.call(probe.rounded_activations, returns=list[float])
        assert found[:6] == pytest.approx([0, 0, 0, 1, 3, 3])
        assert found[6:] == pytest.approx([0, 0, 0.4, 1.1, 2.6, 3.0])


@pytest.mark.parametrize("of", all_but(["network"], ["network", "reference"]))
def test_layers_rank_as_they_do_with_one_conversion_for_each_point(process, of, request):
    model, data = request.getfixturevalue(of)
    settings = QUICK if of == "network" else Sweep("prune", SPARSITIES, samples=300)
    measured = measure(process, model, data, settings)
    real = process.call(probe.converted_losses, model, data, settings, returns=dict[str, list[float]])
    simulated = {curve.layer: [p.effect.loss for p in curve.points] for curve in measured.curves}
    assert simulated.keys() == real.keys() and len(real) >= (8 if of == "network" else 3)
    for n, level in enumerate(settings.levels):
        ranks = spearmanr([losses[n] for losses in simulated.values()], [losses[n] for losses in real.values()])
        assert ranks.statistic > 0.9, level
    every = [[loss for name in real for loss in losses[name]] for losses in (simulated, real)]
    assert spearmanr(*every).statistic > 0.9


@pytest.mark.parametrize("method", all_but(["quantize"], ["prune", "quantize", "channels"]))
def test_more_of_it_costs_more(process, network, method):
    levels = (8, 4, 2) if method == "quantize" else (0.25, 0.5, 0.9)
    measured = measure(process, *network, Sweep(method, levels, samples=400))
    assert measured.samples == 400 and measured.labelled and 0 < measured.before.error < 10
    effects = {c.layer: [p.effect for p in c.points if p.of == "weights"] for c in measured.curves}
    assert all(first.sqnr > middle.sqnr > last.sqnr for first, middle, last in effects.values())
    assert sum(first.loss for first, _, _ in effects.values()) < sum(last.loss for _, _, last in effects.values())
    before = measured.before.error
    for point in (p for curve in measured.curves for p in curve.points):
        assert point.ratio == pytest.approx((point.effect.error - before) / before)


def test_the_model_is_the_same_afterwards_and_so_is_the_result(process, network):
    before = process.call(probe.weights, network[0], returns=dict[str, float])
    settings = Sweep("quantize", (2.0,), samples=200)
    assert measure(process, *network, settings) == measure(process, *network, settings)
    assert process.call(probe.weights, network[0], returns=dict[str, float]) == before


def test_without_labels_the_float_model_says_what_is_right(process, network, tmp_path):
    model, data = network
    with np.load(data.source) as stored:
        np.savez(tmp_path / "plain.npz", x_train=stored["x_train"], x_test=stored["x_test"])
    plain = DataSpec(str(tmp_path / "plain.npz"), "", data.preprocessing, data.inputs, data.classes, data.seed)
    measured = measure(process, model, plain, Sweep("prune", (0.5, 0.95), samples=200))
    assert not measured.labelled and measured.before.error == measured.before.loss == 0
    points = [p for curve in measured.curves for p in curve.points]
    assert all(p.ratio is None for p in points)
    assert max(p.effect.error for p in points) > 10 and max(p.effect.loss for p in points) > 0.01


class TestProposal:
    @pytest.mark.parametrize("method", ["prune", "channels"])
    def test_all_changes_together_stay_within_the_limit(self, process, network, tmp_path, method):
        settings = Sweep(method, (0.25, 0.5, 0.8), samples=400)
        measured = measure(process, *network, settings)
        found = propose(process, *network, settings, measured, 1.0, tmp_path)
        assert found.predicted <= measured.before.error + 1.0 + 1e-6
        assert found.converted == pytest.approx(measured.before.error, abs=0.26)  # one sample in 400
        assert found.confirmed == pytest.approx(found.predicted, abs=0.51)
        assert found.choices and all(c.confirmed == pytest.approx(c.predicted, abs=0.26) for c in found.choices)
        text = (tmp_path / "recipe.toml").read_text()
        part = getattr(decode(tomllib.loads(text)["recipe"], Recipe, "recipe.toml", RecipeError), method)
        assert part.sparsity == 0
        chosen = {c.layer: c.level for c in found.choices}
        assert part.layers == {curve.layer: chosen.get(curve.layer, 0) for curve in measured.curves}
        assert text.count("alone: ") >= len(measured.curves)

    def test_what_four_bits_would_harm_stays_in_floating_point(self, process, network, tmp_path):
        settings = Sweep("quantize", (8.0, 4.0), 400, quantize=Quantize(scheme="int4", calibration_samples=50))
        measured = measure(process, *network, settings)
        found = propose(process, *network, settings, measured, 0.0, tmp_path)
        recipe = decode(tomllib.loads(found.recipe)["recipe"], Recipe, "recipe.toml", RecipeError)
        assert recipe.quantize.float_layers == tuple(c.layer for c in found.refused if c.of == "weights")
        harmed = {c.layer for c in measured.curves if c.points[1].effect.error > measured.before.error}
        assert harmed and harmed <= set(recipe.quantize.float_layers)
        assert found.predicted <= measured.before.error

    def test_a_name_becomes_a_pattern_for_itself_alone(self):
        assert tomllib.loads(f"{pattern('block[1]/conv*')} = 1") == {"block[[]1]/conv[*]": 1}

    def test_the_figure_names_the_layers_and_depends_on_the_figures_alone(self, process, network, tmp_path):
        measured = measure(process, *network, Sweep("prune", (0.5, 0.9), samples=100))
        files = []
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            process.call(plot_file, str(tmp_path / name), measured, returns=None)
            files.append((tmp_path / name / "sensitivity.svg").read_bytes())
        assert files[0] == files[1]
        assert all(f">{curve.layer}<".encode() in files[0] for curve in measured.curves)


class TestAllocation:
    def test_layers_give_as_much_as_they_bear(self, process, network):
        names = ["stem", "side", "back", "separable", "wide", "hidden", "spare", "digit"]
        found = process.call(probe.allocated, *network, names, 0.7, returns=probe.Allocation)
        total = sum(found.weights.values())
        assert sum(found.shares[n] * found.weights[n] for n in names) == pytest.approx(0.7 * total)
        assert len(set(found.shares.values())) > 2
        assert found.ours < 0.7 * found.uniform

    def test_all_alike_where_nothing_is_left_to_choose(self, process, network):
        found = process.call(probe.allocated, *network, ["wide", "hidden"], 0.99, returns=probe.Allocation)
        assert found.shares == {"wide": 0.99, "hidden": 0.99}


class TestSettings:
    TARGET = load_target("phone", [ROOT / "targets"], ("budget.churn=2 %",))

    def test_the_usual_levels(self):
        assert sweep("prune", "", 1000, self.TARGET).levels == SPARSITIES
        assert sweep("quantize", "", 1000, self.TARGET).levels == BITS

    def test_the_width_of_the_scheme_is_always_tried(self):
        assert sweep("quantize", "3,2", 10, self.TARGET).levels == (8.0, 3.0, 2.0)

    @pytest.mark.parametrize(
        ("method", "levels", "samples", "said"),
        [
            ("prunes", "", 1, 'did you mean "prune"'),
            ("prune", "1.2", 1, "between 0 and 1, 1.2 does not"),
            ("prune", "half", 1, "not numbers"),
            ("quantize", "0.5", 1, "whole number of bits"),
            ("prune", "", 0, "outside 1 to 2000"),
        ],
    )
    def test_what_is_wrong_is_said(self, method, levels, samples, said):
        with pytest.raises(RecipeError, match=said):
            sweep(method, levels, samples, self.TARGET)

    def test_half_of_the_budget_may_be_spent(self):
        assert allowed(self.TARGET, labelled=True) == (0.5, "")
        assert allowed(self.TARGET, labelled=False) == (1.0, "")  # of churn

    def test_a_pattern_without_a_layer_is_refused(self, process, network):
        with pytest.raises(RecipeError, match=r'no layer with weights matches "wild".*did you mean "wide"'):
            measure(process, *network, Sweep("prune", (0.5,), exclude=("wild",)))

    def test_held_out_samples_are_left_where_all_others_calibrate(self, process, network):
        settings = Sweep("prune", (0.5,), samples=900, quantize=Quantize(calibration_samples=1000))
        assert measure(process, *network, settings).samples == 200

    def test_too_few_samples_are_refused(self, process, network, tmp_path):
        np.savez(tmp_path / "d.npz", **{n: a[:1] for n, a in np.load(network[1].source).items()})
        data = replace(network[1], source=str(tmp_path / "d.npz"))
        with pytest.raises(DataError, match="1 training samples are too few to hold some out"):
            measure(process, network[0], data, Sweep("prune", (0.5,)))
