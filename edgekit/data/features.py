"""A dataset of raw recordings through a front-end: the features that the model takes, and what they were made of."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from edgekit.data import camera, series, sound
from edgekit.data.archive import read_archive
from edgekit.data.arrays import RAW, read_npz
from edgekit.data.function import call
from edgekit.data.groups import NAME
from edgekit.data.inputs import alike
from edgekit.data.recordings import Recorded, check_memory, recordings
from edgekit.errors import DataError, ProjectError
from edgekit.frontend.base import Raw
from edgekit.frontend.image import Image
from edgekit.frontend.kinds import AnyFrontend
from edgekit.frontend.window import Window

if TYPE_CHECKING:
    import numpy as np

ENDS = ("", "_train", "_test")
RATE = "sample_rate"
"""An array that says that of recordings of sound, in Hz."""
CHUNK = 1 << 24
"""Raw values that go through a front-end at a time."""


class Features(NamedTuple):
    """Arrays as a dataset names them, where x are features: real values, float32."""

    arrays: dict[str, np.ndarray]
    """Those of `edgekit.data.arrays`, and for each x the raw samples, see `RAW`."""
    raw: Raw
    notes: tuple[str, ...]
    remarks: tuple[str, ...]


def features_of(
    source: str, frontend: AnyFrontend, group: str = "", wanted: tuple[int, ...] = (), samples: int = 0
) -> Features:
    """Reads a dataset of raw recordings and makes its features.

    Args:
      source: an `.npz`, a folder, or `module:function`.
      group: of the project: the array of groups, or for a folder an expression, see `edgekit.data.recordings`.
      wanted: shape of the model's input without the batch; () where there is no model yet.
      samples: length of recordings of sound; 0 for what fits the model, else for the usual one.

    Raises:
      DataError: it cannot be read, or holds nothing that this sensor gives.
      ProjectError: the settings do not fit the recordings, or the features do not fit the model.
    """
    import numpy as np

    if Path(source).is_dir():
        arrays, found = _folder(Path(source), frontend, group, wanted, samples)
    else:
        arrays, found = _arrays(_read(source, group), frontend, group, source)
    for end, recorded in found.items():
        raw = Raw(recorded.x.shape[1:], recorded.x.dtype.name)
        shape = frontend.shape(raw)
        if wanted and not alike(shape, wanted):
            raise ProjectError(
                f"frontend: the front-end gives {_words(shape)}, the model takes {_words(wanted)}; samples are "
                f"{_words(raw.shape)} {raw.dtype} ({source}: x{end}); change the settings, the samples or the model"
            )
        count, values = len(recorded.x), prod(shape)
        check_memory(source, 4 * count * values)
        x = np.empty((count, *shape), np.float32)
        rows = max(1, CHUNK // max(1, prod(raw.shape)))
        for start in range(0, count, rows):
            made = frontend.features(recorded.x[start : start + rows])
            np.multiply(made, np.float32(frontend.step), out=x[start : start + rows])
        arrays |= {f"x{end}": x.reshape(count, *(wanted or shape)), f"{RAW}{end}": recorded.x}
    notes, remarks = (
        dict.fromkeys(said for one in found.values() for said in getattr(one, kind)) for kind in ("notes", "remarks")
    )
    made_of = f"features by {frontend.__struct_config__.tag}: {_words(shape)} from {_words(raw.shape)} {raw.dtype}"
    return Features(arrays, raw, tuple(notes), (made_of, *remarks))


def _folder(
    folder: Path, frontend: AnyFrontend, group: str, wanted: tuple[int, ...], samples: int
) -> tuple[dict[str, np.ndarray], dict[str, Recorded]]:
    """The labels and groups of what is in a folder, and the samples."""
    suffixes = _sensor(frontend).SUFFIXES
    listed = recordings(folder, suffixes)
    match frontend:
        case Window():
            recorded = series.from_files(listed.files, frontend, group)
        case Image():
            recorded = camera.from_files(listed.files, frontend)
        case _:
            recorded = sound.from_files(listed.files, frontend, wanted, samples)
    if left := listed.left_out:
        said = f"{len(left)} files have other endings than {', '.join(sorted(suffixes))} and were left out, such as "
        recorded = recorded._replace(notes=(*recorded.notes, f"{said}{left[0].name}; move them elsewhere"))
    y, groups = recorded.y if listed.y is None else listed.y[recorded.of], recorded.groups
    if groups is None and (of_files := listed.groups(group)) is None:
        of_files = _of_recordings(recorded, "")
    if groups is None and of_files is not None:
        groups = of_files[recorded.of]
    return {name: array for name, array in {"y": y, NAME: groups}.items() if array is not None}, {"": recorded}


def _read(source: str, group: str) -> dict[str, np.ndarray]:
    """The arrays of an `.npz` or of a function, with `RATE` where it has one."""
    path = Path(source)
    if path.suffix != ".npz" and not path.is_file():
        return call(source)
    rate = read_archive(path, lambda name: name == RATE)
    return read_npz(path, group) | {name: array for name, array in rate.items() if name == RATE}


def _arrays(
    arrays: dict[str, np.ndarray], frontend: AnyFrontend, group: str, source: str
) -> tuple[dict[str, np.ndarray], dict[str, Recorded]]:
    """Labels and groups of arrays, a row for each sample, and the samples."""
    kept, found = dict[str, "np.ndarray"](), dict[str, Recorded]()
    if RATE in arrays and not isinstance(frontend, Window | Image):
        sound.check_rate(arrays[RATE], frontend, source)
    for end in (end for end in ENDS if f"x{end}" in arrays):
        x = arrays[f"x{end}"]
        recorded = found[end] = _sensor(frontend).from_array(x, frontend, f"{source}: x{end}")
        names = {f"{name}{end}" for name in ("y", NAME, group or NAME)}
        for name, array in arrays.items():
            if name.split(".")[0] in names:
                if array.ndim == 0 or len(array) != len(x):
                    raise DataError(f"{source}: {name}: {_words(array.shape)} for {len(x)} samples of x{end}")
                kept[name] = array[recorded.of]
        if not names & kept.keys() - {f"y{end}"} and (groups := _of_recordings(recorded, end)) is not None:
            kept[f"{NAME}{end}"] = groups[recorded.of]
    if not found:
        named = ", ".join(sorted(arrays)) or "no arrays"
        raise DataError(f"{source}: holds {named}, but not x_train and x_test (or x), the recordings; name them so")
    return kept, found


def _sensor(frontend: AnyFrontend) -> Any:
    """The module that reads what such a front-end takes."""
    return series if isinstance(frontend, Window) else camera if isinstance(frontend, Image) else sound


def _of_recordings(recorded: Recorded, part: str) -> np.ndarray | None:
    """A group for each recording, if some were cut into several samples: those are more alike than others."""
    import numpy as np

    count = int(recorded.of.max()) + 1
    return None if len(np.unique(recorded.of)) == len(recorded.of) else np.array([f"{n}{part}" for n in range(count)])


def _words(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "a single value"
