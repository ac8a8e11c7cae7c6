import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.data.metric import check_metric
from edgekit.data.samples import Samples
from edgekit.errors import DataError, ProjectError
from edgekit.measure.metrics import auc, f1, mae, measured, mse, top_k


def scores(*rows):
    return np.array(rows, np.float32)


def test_top_k_counts_a_label_among_the_largest_outputs():
    predictions = scores([0.5, 0.3, 0.2], [0.1, 0.2, 0.7], [0.4, 0.4, 0.2])
    labels = np.array([1, 0, 1])
    assert [top_k(labels, predictions, k) for k in (1, 2, 3)] == [0, pytest.approx(2 / 3), 1]


def test_f1_is_the_mean_over_classes():
    # class 0: TP 1, FP 1, FN 0; class 1: TP 1, FP 0, FN 1; class 2: TP 1
    predictions = scores([1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1])
    assert f1(np.array([0, 1, 1, 2]), predictions) == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)


def test_auc_is_the_share_of_pairs_in_the_right_order_and_ties_count_half():
    assert auc(np.array([0, 0, 1, 1]), scores([0.1], [0.4], [0.35], [0.8])) == 0.75
    assert auc(np.array([0, 1]), scores([0.5], [0.5])) == 0.5
    assert auc(np.array([0, 1]), scores([0.9, 0.1], [0.2, 0.8])) == 1


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9)), min_size=2, max_size=40))
def test_auc_equals_counting_all_pairs(samples):
    positive = [s for label, s in samples if label]
    negative = [s for label, s in samples if not label]
    if positive and negative:
        pairs = [(a > b) + 0.5 * (a == b) for a in positive for b in negative]
        found = auc(np.array([label for label, _ in samples]), scores(*([s] for _, s in samples)))
        assert found == pytest.approx(np.mean(pairs))


def test_errors_are_means_over_samples_and_outputs():
    targets, predictions = np.array([[1.0, 2.0], [3.0, 4.0]]), scores([1, 2], [3, 8])
    assert (mae(targets, predictions), mse(targets, predictions)) == (1, 4)
    assert mae(np.array([1.0, 2.0]), scores([2], [4])) == 1.5


def test_the_loss_is_paired_and_grows_as_the_metric_gets_worse():
    rng = np.random.default_rng(0)
    targets = rng.normal(size=400)
    reference = (targets + rng.normal(0, 0.5, 400))[:, None].astype(np.float32)
    worse = reference + 0.3 * np.sign(reference - targets[:, None]).astype(np.float32)
    value, loss = measured("mae", Samples((), None, targets), worse, reference, "litert 2.3")
    assert (value.name, loss.name, loss.samples) == ("metric", "metric_loss", 400)
    assert loss.value == pytest.approx(0.3, abs=1e-6) and loss.high - loss.low < 1e-6 < value.high - value.low
    higher = measured(
        "f1", Samples((), np.array([0, 1] * 9)), scores(*[[1, 0]] * 18), scores(*[[1, 0], [0, 1]] * 9), ""
    )
    assert higher[1].value == pytest.approx(1 - 1 / 3)


def nan(targets, predictions):
    return float("nan")


def fails(targets, predictions):
    raise ValueError("no such\nclass")


@pytest.mark.parametrize(
    ("name", "words"), [("test_metrics:nan", "gave nan"), ("test_metrics:fails", "raised ValueError: no such class")]
)
def test_a_metric_of_the_project_that_fails_is_said(name, words):
    with pytest.raises(DataError, match=words):
        measured(name, Samples((), np.array([0, 1])), scores([1, 0], [0, 1]), None, "")


def test_without_targets_there_is_no_metric():
    with pytest.raises(DataError, match="y_test"):
        measured("mae", Samples((), None), scores([1]), None, "")


@pytest.mark.parametrize("name", ["accuracy", "top-5", "f1", "auc", "mae", "mse", "my.metrics:loss"])
def test_known_metrics(name):
    check_metric(name, "pyproject.toml")


@pytest.mark.parametrize("name", ["top-0", "top", "recall", "f1 "])
def test_unknown_metrics(name):
    with pytest.raises(ProjectError, match="no metric"):
        check_metric(name, "pyproject.toml")
