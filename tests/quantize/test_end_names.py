"""Inputs and outputs keep the order and the names that they have in the Keras model."""

import ends_probe as probe
import pytest

from edgekit.flatbuffer.ends import apart


@pytest.mark.parametrize("kind", ["plain", "dictionary", "fused"])
def test_outputs_keep_their_names_and_their_order(process, kind):
    """The one of Keras: of a dictionary that of its keys, as TensorFlow flattens it."""
    found = process.call(probe.ends, kind, returns=dict[str, list[tuple[str, int]]])
    wanted = [(name, probe.OUTPUTS.index(name) + 1) for name in probe.OUTPUTS]
    wanted = sorted(wanted) if kind == "dictionary" else wanted
    assert {"float", "int8", "shrunk"} <= set(found)
    for of in found.values():
        assert of == [("sequence", 4), *wanted]


def test_a_detector_that_was_saved_ends_in_its_operator(process, tmp_path):
    found = process.call(probe.detector, str(tmp_path / "saved"), returns=list[tuple[str, tuple[int, ...]]])
    assert found == [("boxes", (1, 5, 4)), ("classes", (1, 5)), ("scores", (1, 5)), ("count", (1,))]


def test_no_two_names_are_alike():
    assert apart(["a", "b", "a", "a_1", "a"]) == ("a", "b", "a_1", "a_1_1", "a_2")
