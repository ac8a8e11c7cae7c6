import pytest
import schemes_probe as probe

from edgekit.worker import Worker


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    with Worker(tmp_path_factory.mktemp("log") / "log") as process:
        yield process


@pytest.fixture
def train(process):
    return lambda kind: process.call(probe.train, kind, returns=dict)


@pytest.mark.parametrize("kind", ["plain", "batchnorm", "separable"])
def test_the_int8_file_answers_as_the_trained_model(train, kind):
    found = train(kind)
    assert found["distance"] < 0.05
    assert found["plain"] > 0  # its weights were trained
    if kind == "plain":
        assert found["floats"] == [] and found["notes"] == []


def test_what_has_no_rule_is_left_out_and_said(train):
    assert any("alone" in note and "folded" not in note for note in train("batchnorm")["notes"])
    assert any("rescaled" in note for note in train("rescaling")["notes"])


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
