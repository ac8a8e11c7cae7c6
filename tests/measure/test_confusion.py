"""Labels against classes, held against counting by hand."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.measure.confusion import MATRIX, MISTAKES, confusion

TRIPLES = st.lists(st.tuples(*[st.integers(0, 4)] * 3), min_size=1, max_size=60)


@given(TRIPLES)
def test_every_sample_is_in_one_cell_and_shares_are_of_the_right_samples(triples):
    labels, before, after = (np.array(column, np.int64) for column in zip(*triples, strict=True))
    found = confusion(labels, before, after, 5)
    cells = Counter((label, said) for label, _, said in triples)
    assert found.matrix == [[cells[row, column] for column in range(5)] for row in range(5)]
    for figures in found.classes:
        own = [t for t in triples if t[0] == figures.number]
        seen = [t for t in triples if t[2] == figures.number]
        assert figures.samples == len(own)
        if own:
            assert figures.found == pytest.approx(100 * sum(t[2] == t[0] for t in own) / len(own), abs=0.006)
            assert figures.found_before == pytest.approx(100 * sum(t[1] == t[0] for t in own) / len(own), abs=0.006)
        assert (figures.right is None) == (not seen) and (figures.found is None) == (not own)
    wrong = {cell: n for cell, n in cells.items() if cell[0] != cell[1]}
    assert len(found.mistakes) == min(MISTAKES, len(wrong))
    assert all(wrong[label, said] == n for label, said, n in found.mistakes)
    assert [n for *_, n in found.mistakes] == sorted(wrong.values(), reverse=True)[:MISTAKES]


def test_many_classes_have_mistakes_and_no_matrix():
    labels = np.arange(MATRIX + 1)
    found = confusion(labels, None, np.roll(labels, 1), MATRIX + 1)
    assert found.matrix == [] and len(found.mistakes) == MISTAKES
    assert {figures.found_before for figures in found.classes} == {None}
