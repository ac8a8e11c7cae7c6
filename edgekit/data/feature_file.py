"""The features of a dataset as a file to train with."""

from __future__ import annotations

import hashlib

import msgspec
from msgspec import Struct

from edgekit.data.arrays import RAW
from edgekit.data.features import features_of
from edgekit.engine.libraries import TOOLS
from edgekit.engine.stage import Work, stage
from edgekit.frontend.base import Raw
from edgekit.frontend.kinds import AnyFrontend
from edgekit.types import Artifact

FEATURES = "features.npz"


class FeatureFacts(Struct, frozen=True):
    """What is in a file of features."""

    arrays: dict[str, tuple[int, ...]]
    """Shape of each array by its name."""
    raw: Raw
    """What a sample was made of."""
    step: float
    """Real value of one step of the integers that the device computes."""
    settings: str
    """Of the front-end, as JSON,"""
    sha256: str
    """and their hash."""
    notes: tuple[str, ...]
    remarks: tuple[str, ...]


@stage("features", process=TOOLS, libraries=("numpy", "pillow", "scipy"))
def features_file(work: Work, data: Artifact, frontend: AnyFrontend, group: str, samples: int) -> FeatureFacts:
    """Writes x, y and the groups of a dataset, x as features before preprocessing, to `folder/features.npz`, with the
    front-end's settings (`frontend`, JSON) and their hash (`frontend_sha256`).

    Args:
      group, samples: see `edgekit.data.features.features_of`.

    Raises:
      DataError, ProjectError: see there.
    """
    import numpy as np

    made = features_of(data.path, frontend, group, samples=samples)
    arrays = {name: array for name, array in made.arrays.items() if not name.startswith(RAW)}
    settings = msgspec.json.encode(frontend, order="sorted")
    digest = hashlib.sha256(settings).hexdigest()
    said = {"frontend": np.asarray(settings.decode()), "frontend_sha256": np.asarray(digest)}
    np.savez(work.folder / FEATURES, **arrays, **said)
    shapes = {name: array.shape for name, array in arrays.items()}
    return FeatureFacts(shapes, made.raw, frontend.step, settings.decode(), digest, made.notes, made.remarks)
