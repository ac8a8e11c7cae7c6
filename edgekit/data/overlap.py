"""Samples that are in two sets which must have none in common."""

from __future__ import annotations

from edgekit.data.samples import Samples


def overlap(train: Samples, evaluation: Samples) -> int:
    """How many samples of the evaluation set are also in the training set, of which the calibration set is a part.

    Samples are the same if all their inputs are, value for value as stored; labels do not count.
    """
    known = set(digests(train))
    return sum(digest in known for digest in digests(evaluation))


def digests(samples: Samples) -> list[bytes]:
    """A hash of each sample. All inputs go through one hash, so that a sample counts as a whole."""
    import hashlib

    import numpy as np

    arrays = [np.ascontiguousarray(x) for x in samples.x]
    digests = []
    for row in range(samples.number):
        digest = hashlib.blake2b(digest_size=16)
        for array in arrays:
            digest.update(memoryview(array[row]).cast("B"))
        digests.append(digest.digest())
    return digests
