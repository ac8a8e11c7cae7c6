import math
from pathlib import Path

import explain_probe as probe
import msgspec
import pytest

from edgekit.analyze.explain import explain_file
from edgekit.analyze.findings import Explanation
from edgekit.config import parse_value
from edgekit.data.spec import DataSpec, Preprocessing
from edgekit.errors import DataError, ModelError
from edgekit.model.read import load_file
from edgekit.quantize.convert import convert_file
from edgekit.quantize.int8 import quantize_file
from edgekit.quantize.settings import Quantize
from edgekit.types import ModelFacts, Reading, TensorSpec

ROOT = Path(__file__).parents[2]
DATA = DataSpec(
    str(ROOT / "assets/digits.npz"),
    "",
    Preprocessing(scale=1 / 255),
    (TensorSpec("image", (1, 28, 28, 1), "float32"),),
    10,
    seed=1,
)


@pytest.fixture(scope="module")
def follow(process):
    def run(hard="", glitch=0.0, settings=None, **then):
        settings = settings or Quantize(calibration_samples=probe.SAMPLES)
        then = msgspec.structs.replace(settings, **then)
        return process.call(probe.follow, hard, glitch, settings, then, returns=probe.Followed)

    return run


def advised(found, setting):
    """The advice to set something, which has to be there."""
    [advice] = [a for a in found.advice if any(s.startswith(f"recipe.quantize.{setting}") for s in a.settings)]
    return advice


def settings_of(advice):
    """What advice sets, as `--set` reads it."""
    parts = (setting.removeprefix("recipe.quantize.").split("=") for setting in advice.settings)
    return {key: parse_value(value) for key, value in parts}


def by_layer(rows, layer):
    return next(row for row in rows if row.layer == layer)


def output_db(found):
    return found.tensors[-1].accumulated.sqnr_db


class TestFollowingTheAdvice:
    def test_a_glitch_in_the_calibration_set(self, follow):
        advice = advised(follow(glitch=60.0).first, "calibration=percentile")
        found = follow(glitch=60.0, **settings_of(advice))
        evidence = next(e for e in advice.evidence if e.layer == "image")
        gain = found.after.tensors[0].alone.sqnr_db - found.before.tensors[0].alone.sqnr_db
        assert evidence.basis == "predicted" and evidence.gain_db == pytest.approx(gain, abs=1)
        assert gain > 15
        assert "of the range; percentile 99.9" in evidence.text
        assert output_db(found.after) > output_db(found.before) + 5

    def test_a_calibration_set_that_is_too_small(self, follow):
        few = Quantize(calibration_samples=1)
        advice = advised(follow(settings=few).first, "calibration_samples")
        assert advice.settings == ("recipe.quantize.calibration_samples=4",)
        found = follow(settings=few, **settings_of(advice))
        evidence = advice.evidence[0]
        before, after = (by_layer(e.tensors, evidence.layer) for e in (found.before, found.after))
        assert 0 < after.clipped < before.clipped
        assert evidence.basis == "at most"
        assert 0.5 < after.alone.sqnr_db - before.alone.sqnr_db <= evidence.gain_db + 0.5

    def test_channels_of_very_different_ranges(self, follow):
        found = follow("uneven", equalize=True)
        [evidence] = advised(found.first, "equalize=true").evidence
        assert evidence.layer == "first" and evidence.basis == "at most" and evidence.gain_db > 20
        before, after = (by_layer(e.tensors, "second") for e in (found.before, found.after))
        gain = after.accumulated.sqnr_db - before.accumulated.sqnr_db
        assert gain > 10
        assert output_db(found.after) > output_db(found.before) + 10

    def test_channels_of_very_different_weights_that_share_a_scale(self, follow):
        settings = Quantize(calibration_samples=probe.SAMPLES, granularity="tensor")
        found = follow("steep", settings=settings, granularity="channel")
        evidence = next(e for e in advised(found.first, "granularity=channel").evidence if e.layer == "second")
        before, after = (by_layer(e.weights, "second") for e in (found.before, found.after))
        assert evidence.gain_db == pytest.approx(after.sqnr_db - before.sqnr_db, abs=0.2)
        before, after = (by_layer(e.tensors, "second") for e in (found.before, found.after))
        assert after.weights_alone.sqnr_db > before.weights_alone.sqnr_db

    def test_outliers_among_the_weights(self, follow):
        found = follow("outliers", rounding="gptq")
        evidence = next(e for e in advised(found.first, "rounding=gptq").evidence if e.layer == "last")
        before, after = (by_layer(e.tensors, "last").operator_alone.sqnr_db for e in (found.before, found.after))
        assert evidence.basis == "at most" and 1 < after - before <= evidence.gain_db + 0.5

    def test_an_error_with_a_mean(self, follow):
        found = follow("outliers", bias_correction=True)
        evidence = advised(found.first, "bias_correction=true").evidence[0]
        before, after = (by_layer(e.tensors, evidence.layer) for e in (found.before, found.after))
        gain = after.accumulated.sqnr_db - before.accumulated.sqnr_db
        assert gain > 0.5 and evidence.gain_db == pytest.approx(gain, abs=1.5)

    def test_too_few_bits(self, follow, process):
        found = follow("uneven").first
        advice = advised(found, "int16_layers")
        assert "second" in settings_of(advice)["int16_layers"]
        whole = process.call(probe.in_int16, "uneven", returns=Explanation)
        for evidence in advice.evidence:
            before, after = (by_layer(e.tensors, evidence.layer).operator_alone.sqnr_db for e in (found, whole))
            assert evidence.gain_db == pytest.approx(after - before, abs=1)

    def test_training_where_little_is_left(self, follow):
        found = follow("uneven").first
        assert output_db(found) < 15
        assert [a.settings for a in found.advice][-1] == ("recipe.qat.epochs=1",)

    def test_what_is_done_is_not_advised_again(self, follow):
        found = follow("uneven", equalize=True)
        assert not any("equalize" in s for a in found.after.advice for s in a.settings)

    def test_dead_channels(self, follow):
        found = follow("dead").first
        assert by_layer(found.weights, "second").dead == (1, 4, 7)
        [advice] = [a for a in found.advice if a.settings[0].startswith("recipe.channels")]
        assert advice.settings == ("recipe.channels.sparsity=0.18",)
        assert advice.evidence[0].text == "3 of 16 channels have only zeros"


def test_the_figures_are_those_of_the_models_themselves(process):
    found = process.call(probe.by_hand, returns=dict[str, list[float]])
    assert found["input told"] == pytest.approx(found["input"], rel=1e-4)
    assert found["output told"] == pytest.approx(found["output"], rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("io", ["int8", "float32"])
def test_names_are_not_needed(process, io):
    settings = Quantize(calibration_samples=probe.SAMPLES, io=io)
    named, nameless = process.call(probe.renamed, settings, returns=list[Explanation])
    assert not named.unmatched and not nameless.unmatched
    plain = [[msgspec.structs.replace(t, name="") for t in e.tensors] for e in (named, nameless)]
    assert plain[0] == plain[1]
    assert [t.layer for t in named.tensors] == ["image", "first", "second", "pool", "flat", "last"]


def test_inputs_and_outputs_in_float_are_matched(process):
    whole, edged = (process.call(probe.matched, io, returns=dict[str, str]) for io in (False, True))
    assert set(whole.values()) == set(edged.values())
    assert len(edged) == len(whole) + 2


def test_another_model_is_refused(process, cases):
    with pytest.raises(ModelError, match=r"not the same model; give the float file"):
        process.call(probe.strangers, cases["float"], returns=None)


@pytest.fixture(scope="module")
def cases(process, tmp_path_factory):
    """The reference model, float and int8."""
    folder = tmp_path_factory.mktemp("digits")
    process.call(load_file, str(folder), str(ROOT / "assets/digits.keras"), Reading(), returns=ModelFacts)
    process.call(convert_file, str(folder), str(folder / "model.h5"), "", returns=str)
    settings = Quantize(calibration_samples=100)
    process.call(quantize_file, str(folder), str(folder / "float.tflite"), DATA, settings, returns=str)
    return {"float": str(folder / "float.tflite"), "int8": str(folder / "model.tflite")}


@pytest.fixture(scope="module")
def digits(process, cases):
    def run(samples=40):
        settings = Quantize(calibration_samples=100)
        return process.call(
            explain_file, "", cases["float"], cases["int8"], DATA, settings, samples, returns=Explanation
        )

    return run


@pytest.fixture(scope="module")
def found(digits):
    return digits()


class TestTheReferenceModel:
    def test_every_tensor_is_told_in_the_order_of_execution(self, found):
        layers = ["image", "conv1", "pool1", "conv2", "pool2", "flatten", "digit", "digit"]
        assert [t.layer for t in found.tensors] == layers
        assert [t.position for t in found.tensors] == list(range(8))
        assert found.unmatched == () and found.samples == 40
        assert found.outputs == (found.tensors[-1].name,)
        assert {w.layer for w in found.weights} == {"conv1", "conv2", "digit"}

    def test_errors_add_up_along_the_graph(self, found):
        for row in found.tensors:
            if row.operator in ("CONV_2D", "FULLY_CONNECTED"):
                # Independent errors: the operator's own is at least that of its weights and of its output's rounding.
                parts = row.weights_alone.noise + row.alone.noise
                assert row.operator_alone.noise > 0.8 * parts
                assert row.accumulated.noise > 0.9 * row.operator_alone.noise
        first = found.tensors[1]
        assert first.accumulated == first.operator_alone  # nothing comes before it

    def test_rounding_is_as_the_uniform_model_expects(self, found):
        row = by_layer(found.tensors, "conv2")
        uniform = next(m for m in row.models if m.name == "uniform")
        assert uniform.noise == pytest.approx((1 - row.zeros / 100) * row.scale**2 / 12)
        assert uniform.ratio == pytest.approx(1, abs=0.05) and uniform.distance < 0.02
        assert row.alone.sqnr_db == pytest.approx(uniform.sqnr_db, abs=0.3)

    def test_a_relu_is_one_half_of_a_distribution(self, found):
        folded = {m.name: m.folded for m in by_layer(found.tensors, "conv2").models}
        assert folded == {"uniform": False, "gaussian": True, "laplace": True}

    def test_the_range_follows_from_scale_and_zero_point(self, found):
        for row in found.tensors:
            assert row.range_low == pytest.approx(row.scale * (-128 - row.zero_point))
            assert row.range_high == pytest.approx(row.scale * (127 - row.zero_point))
            assert row.low >= row.range_low - row.scale or row.clipped > 0

    def test_all_figures_are_finite_and_come_back_from_json(self, found):
        text = msgspec.json.encode(found)
        assert msgspec.json.decode(text, type=Explanation) == found
        assert b"NaN" not in text and b"Infinity" not in text
        assert all(math.isfinite(t.accumulated.noise) for t in found.tensors)

    def test_the_same_again(self, found, digits):
        assert digits() == found

    def test_asking_for_no_samples_is_refused(self, digits):
        with pytest.raises(DataError, match="no training samples to explain with"):
            digits(samples=0)


def test_isolated_operators_read_all_that_others_make(process, cases):
    inputs, made = process.call(probe.alone, cases["int8"], returns=tuple[int, int])
    assert inputs == made == 7
