import masks_probe as probe
import pytest

KINDS = [
    *("added", "subtracted", "float min", "infinite", "before scaling", "multiplied after", "twice"),
    *("selected", "selected infinite", "input", "integer input", "compared input", "selected by input"),
    *("input, whole", "integer input, whole", "compared input, whole", "selected by input, whole"),
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_mask_becomes_as_large_as_a_softmax_can_tell(process, kind):
    before, after, same, note = process.call(probe.quantized, kind, returns=tuple[float, float, bool, str])
    assert before >= 1e4 and after < 1000
    assert same or ("whole" in kind and "rows that are masked whole saturate" in note)
    assert "softmax" in note and "the same to the bit" in note


@pytest.mark.parametrize("kind", KINDS)
def test_and_leaves_the_scores_the_steps_of_int8(process, kind):
    assert process.call(probe.sqnr, kind, returns=float) > 30


def test_without_a_mask_nothing_changes(process):
    before, after, _, note = process.call(probe.quantized, "none", returns=tuple[float, float, bool, str])
    assert before == after and note == ""
