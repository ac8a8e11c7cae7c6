"""The held-out samples: a part of the training samples that trains and calibrates nothing, so that it can judge.

What is chosen (when a training ends, whether a trained model ships, which remedy is kept) is chosen by them. Chosen by
the evaluation set it would fit that better than new samples; on samples that were trained on, training always helps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.data.groups import number, whole_groups
from edgekit.data.overlap import digests
from edgekit.data.samples import Samples, stratified
from edgekit.errors import DataError

if TYPE_CHECKING:
    import numpy as np

SHARE = 0.2
"""Of the training samples;"""
MOST = 2000
"""so many at most, unless whole groups are more."""
HALF = 0.5
"""Of the held-out samples: what a search is judged by in the end, and never saw."""


def hold_out(train: Samples, seed: int, source: str, share: float = SHARE) -> tuple[Samples, Samples]:
    """Takes the held-out samples out of the training samples: of each class its share, groups whole.

    A held-out sample that is the same as one which trains does not judge, unless all of them are.

    Args:
      share: of the samples that is held out.

    Returns:
      what trains and calibrates, and what judges.

    Raises:
      DataError: there are too few samples, or they are all of one group.
    """
    import numpy as np

    held = _rows(train, seed, source, share)
    rest, judges = train.take(~held), train.take(held)
    known = set(digests(rest))
    new = np.array([digest not in known for digest in digests(judges)], bool)
    return rest, judges.take(new) if new.any() else judges


def _rows(train: Samples, seed: int, source: str, share: float) -> np.ndarray:
    """Which samples are held out, (N,) bool."""
    import numpy as np

    why = "one of rescue, qat and patience chooses by samples that do not train"
    if train.number < 2:
        raise DataError(f"{source}: {train.number} training samples are too few to hold some out: {why}; give more")
    if train.group is not None:
        if number(train.group) < 2:
            raise DataError(
                f"{source}: all {train.number} training samples are of one group, which is never split: {why}; "
                "give samples of another group, or remove these settings"
            )
        return whole_groups(train.group, train.y, share, seed)
    held = np.zeros(train.number, bool)
    held[stratified(train.y, train.number, min(MOST, max(1, round(share * train.number))), seed)] = True
    return held
