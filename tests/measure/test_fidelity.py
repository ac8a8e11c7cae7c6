"""What judges by default: kinds of output, with labels and without, damaged in many ways, and merely quantized."""

import numpy as np
import pytest

from edgekit.data.samples import Samples
from edgekit.data.spec import DataSpec, Preprocessing
from edgekit.measure.accuracy import write_answers
from edgekit.measure.fidelity import NO_CLASSES
from edgekit.measure.judge import implied, judge, verdict
from edgekit.measure.limits import Budget
from edgekit.stages.rescue import _lost
from edgekit.types import TensorSpec
from edgekit.units import Number, Percent

COUNT = 400
RNG = np.random.default_rng(0)


def softmax(logits):
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)


def logits(*shape):
    return RNG.normal(0, 3, (COUNT, *shape))


OUTPUTS = {
    "classes": softmax(logits(5)),
    "two classes in one": 1 / (1 + np.exp(-logits(1))),
    "many labels": 1 / (1 + np.exp(-logits(6))),
    "logits": logits(5),
    "one number": 50 + 12 * RNG.normal(size=(COUNT, 1)),
    "numbers of many sizes": RNG.normal(size=(COUNT, 4)) * [0.4, 3, 3, 2] + [0, 1, 5, 2],
    "sequence": np.cumsum(RNG.normal(size=(COUNT, 16, 1)), axis=1),
    "picture": 1 / (1 + np.exp(-logits(6, 6, 1))),
    "classes of places": softmax(logits(4, 4, 3)),
    "boxes and scores": np.concatenate(
        [RNG.uniform(0, 300, (COUNT, 10, 4)), RNG.uniform(0, 1, (COUNT, 10, 2)) ** 3], axis=2
    ),
}


def constant(x):
    return np.broadcast_to(x.mean(axis=0), x.shape)


DAMAGES = {
    "zeros": np.zeros_like,
    "constant": constant,
    "NaN": lambda x: np.where(np.arange(len(x)).reshape(-1, *[1] * (x.ndim - 1)) == 7, np.nan, x),
    "infinite": lambda x: np.full_like(x, np.inf),
    "shuffled": lambda x: RNG.permutation(x),
    "scaled": lambda x: x * 3,
    "negated": lambda x: -x,
}


def quantized(x):
    """As int8 stores it."""
    low, high = min(x.min(), 0), max(x.max(), 0)
    scale = (high - low) / 255
    return np.round(x / scale) * scale


def answers(reference, outputs, folder, *labels, metric="accuracy"):
    """Measurements of outputs against reference ones, with labels for the first of them."""
    specs = tuple(TensorSpec(f"head{n}", (1, *o.shape[1:]), "float32") for n, o in enumerate(outputs))
    pairs = [(y, y) if np.issubdtype(y.dtype, np.integer) else (None, y) for y in labels] or [(None, None)]
    samples = Samples((np.zeros((COUNT, 1)),), *pairs[0], tuple(pairs[1:]))
    data = DataSpec("d.npz", "", Preprocessing(), (), 5, 0, outputs=specs, metric=metric)
    return write_answers(None, outputs, reference, samples, data, metric, "tflm 1", folder)


def lines(found, budget=Budget()):  # noqa: B008 (frozen)
    return judge(budget, found, "tflm") + implied(budget, found, "tflm")


@pytest.mark.parametrize("kind", OUTPUTS)
class TestWithoutLabels:
    @pytest.mark.parametrize("damage", DAMAGES)
    def test_damage_fails(self, kind, damage, tmp_path):
        right = OUTPUTS[kind]
        found = answers([right], [DAMAGES[damage](right)], tmp_path)
        assert verdict(lines(found), found, "tflm") == "fail", lines(found)

    def test_what_int8_leaves_passes(self, kind, tmp_path):
        right = OUTPUTS[kind]
        if kind == "boxes and scores":  # one scale for both: the scores are gone
            found = answers([right], [quantized(right)], tmp_path)
            [broken] = [line for line in lines(found) if line.verdict == "fail"]
            assert broken.name == "lost_outputs" and broken.value == pytest.approx(100 / 3)
            assert "values 4, 5" in broken.reason
            right = right[..., :4]
        found = answers([right], [quantized(right)], tmp_path)
        assert {line.name for line in lines(found)} >= {"sqnr", "lost_outputs"}
        assert verdict(lines(found), found, "tflm") == "pass", lines(found)

    def test_equal_answers_pass(self, kind, tmp_path):
        found = answers([OUTPUTS[kind]], [OUTPUTS[kind]], tmp_path)
        assert verdict(lines(found), found, "tflm") == "pass", lines(found)

    @pytest.mark.parametrize("damage", DAMAGES)
    def test_a_second_output_is_judged_for_itself(self, kind, damage, tmp_path):
        right, first = OUTPUTS[kind], OUTPUTS["classes"]
        found = answers([first, right], [first, DAMAGES[damage](right)], tmp_path, first.argmax(axis=1))
        broken = [line.name for line in lines(found) if line.verdict == "fail"]
        assert broken and all(name.endswith(".head1") for name in broken)


@pytest.mark.parametrize("kind", ["classes", "two classes in one"])
@pytest.mark.parametrize("damage", [d for d in DAMAGES if d != "scaled"])
def test_with_labels_accuracy_judges(kind, damage, tmp_path):
    right = OUTPUTS[kind]
    labels = right.argmax(axis=1) if kind == "classes" else (right[:, 0] > 0.5).astype(int)
    found = answers([right], [DAMAGES[damage](right)], tmp_path, labels)
    unfinite = damage in ("NaN", "infinite")  # fails where a single sample has it, too few for accuracy
    assert [line.name for line in lines(found)] == (["sqnr"] if unfinite else [])
    judged = lines(found, Budget(accuracy_drop=Percent(1)))
    assert verdict(judged, found, "tflm") == "fail"


def test_numbers_with_targets_have_a_metric_of_their_own(tmp_path):
    right = OUTPUTS["one number"]
    targets = right[:, 0] + 0.1
    found = answers(
        [OUTPUTS["classes"], right],
        [OUTPUTS["classes"], quantized(right)],
        tmp_path,
        OUTPUTS["classes"].argmax(axis=1),
        targets,
        metric="head1=mae",
    )
    names = [m.name for m in found]
    assert {"accuracy", "metric.head1", "metric_loss.head1", "sqnr.head1"} <= set(names)
    judged = lines(found, Budget(accuracy=Percent(90), metric_max=Number(0.5)))
    assert [(line.name, line.verdict) for line in judged] == [
        ("accuracy", "pass"),
        ("metric_max.head1", "pass"),
    ]


def test_limits_and_levels_of_a_profile_come_first(tmp_path):
    right = OUTPUTS["classes"]
    found = answers([right], [RNG.permutation(right)], tmp_path)
    off = Budget(levels={"sqnr": "off", "churn": "warn", "lost_outputs": "off"})
    assert [(line.name, line.level) for line in lines(found, off)] == [("churn", "warn")]
    assert verdict(lines(found, off), found, "tflm") == "pass"
    own = Budget(sqnr=Number(1), levels={"churn": "off", "lost_outputs": "off"})
    assert [(line.name, line.limit) for line in lines(found, own)] == [("sqnr", 1)]


def test_few_samples_do_not_tell_how_a_value_varies(tmp_path):
    found = answers([OUTPUTS["logits"][:3]], [OUTPUTS["logits"][:3]], tmp_path)
    assert next(line for line in lines(found) if line.name == "lost_outputs").verdict == "skipped"


@pytest.mark.parametrize("metric", ["mae", "mse", "head0=mae"])
def test_a_number_around_a_half_is_no_yes_or_no(metric, tmp_path):
    rng = np.random.default_rng(4)  # of its own: which tests ran before decides nothing
    right = rng.uniform(0.45, 0.55, (COUNT, 1))
    found = answers([right], [right + rng.normal(0, 0.008, right.shape)], tmp_path, right[:, 0], metric=metric)
    figures = {m.name: m for m in found}
    assert figures["churn"].value > 5 and {figures[n].reason for n in ("churn", "fidelity")} == {NO_CLASSES}
    assert [line.name for line in lines(found)] == ["sqnr", "lost_outputs"] and _lost(found)[0] == 0
    assert verdict(lines(found), found, "tflm") == "pass"
    classes = answers([right], [right + RNG.normal(0, 0.008, right.shape)], tmp_path)
    assert _lost(classes)[0] > 5 and "churn" in {line.name for line in lines(classes)}
