import pytest
import schemes_probe as probe
from slow_part import all_but


@pytest.fixture
def train(process):
    return lambda kind: process.call(probe.train, kind, returns=dict)


@pytest.mark.parametrize("kind", all_but(("batchnorm", "rescaling"), ["plain", "batchnorm", "separable", "rescaling"]))
def test_the_int8_file_answers_as_the_trained_model(train, kind):
    found = train(kind)
    assert found["distance"] < 0.05
    assert found["trained"] > 0
    assert found["same"] < 1e-5, "without rounding, the simulation computes what the model does"
    if kind == "plain":
        assert found["floats"] == [] and found["notes"] == []


def test_only_what_has_no_rule_is_left_out_and_said(train):
    assert train("batchnorm")["notes"] == []
    assert train("rescaling")["notes"] == ["trained without rounding: normed (LayerNormalization)"]


def test_zeros_are_kept(train):
    found = train("zeros")
    assert "kept zeros" in found["notes"]
    assert all(share > 0.4 for share in found["zeros"])


def test_clusters_are_kept(train):
    found = train("clusters")
    assert "kept clusters" in found["notes"]
    assert all(number <= 4 for number in found["values"])


def test_both_are_kept(train):
    found = train("zeros and clusters")
    assert "kept clusters and zeros" in found["notes"]
    assert all(number <= 5 for number in found["values"])
    assert all(share > 0.4 for share in found["zeros"])


def test_values_far_beyond_six_are_in_range(process, tmp_path):
    found = process.call(probe.regression, 1e-4, str(tmp_path), returns=dict)
    assert found["largest"] > 85, "the model answers up to 95"
    assert not found["plain"] and "held-out training samples" in found["notes"][-1]


def test_plain_int8_ships_where_training_did_harm(process, tmp_path):
    found = process.call(probe.regression, 10.0, str(tmp_path), returns=dict)
    assert found["plain"]
    assert found["notes"][-1].startswith("plain int8 ships, because training did not help: ")
