"""Golden vectors as C."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from edgekit.data.archive import read_archive
from edgekit.emit.ends import End
from edgekit.emit.literals import C_TYPES, c_float, c_number
from edgekit.emit.render import render
from edgekit.errors import DataError
from edgekit.flatbuffer.macs import elements
from edgekit.frontend.base import Raw
from edgekit.runtimes import ORACLE
from edgekit.types import TensorSpec

if TYPE_CHECKING:
    import numpy as np

RAW_BYTES = 1 << 16
"""Of what a sensor gave, for as many vectors as fit, one at least."""
_A_ROW = 16


class Recorded(NamedTuple):
    """What the sensor gave for the first golden vectors."""

    raw: Raw
    vectors: int


def golden_files(
    name: str, archive: Path | None, sha256: str, inputs: list[End], outputs: list[End], sensor: bool = False
) -> tuple[dict[str, str], Recorded | None]:
    """`NAME_golden.h` and `NAME_golden.c`.

    Args:
      archive: a `golden.npz`, see `edgekit.measure.golden`.
      sha256: of the model, which the archive's must be.
      sensor: whether what the sensor gave for the first vectors goes with them, if the archive has it.

    Returns:
      File name → text; none where there are no vectors of this very model in TFLM, or some that C cannot hold: an empty
      tensor, a type that C lacks, a value that is not finite. And what the sensor gave, where that is among them.
    """
    vectors = _vectors(archive, sha256) if archive else {}
    tensors = []
    for end in (*inputs, *outputs):
        values = vectors.get(f"{end.way}_{end.number}")
        if values is None or not end.elements or values.size != len(values) * end.elements:  # a detector's are others
            return {}, None
        if (values := as_stored(values, end.spec)).dtype.name != end.dtype:
            return {}, None
        rows = _rows(values)
        if rows is None:
            return {}, None
        tensors.append({"end": end, "vectors": rows})
    if not tensors:
        return {}, None
    facts: dict[str, Any] = {"name": name, "macro": name.upper(), "tensors": tensors, "count": len(vectors["row"])}
    recorded = _recorded(vectors["raw"]) if sensor and "raw" in vectors else None
    facts["raw"] = recorded and {
        "c_type": C_TYPES[recorded.raw.dtype],
        "elements": elements(recorded.raw.shape),
        "count": recorded.vectors,
        "vectors": _rows(vectors["raw"][: recorded.vectors]),
    }
    return {f"{name}_golden.{kind}": render(f"golden.{kind}.jinja", facts) for kind in "hc"}, recorded


def _recorded(raw: np.ndarray) -> Recorded:
    """Which of (N, …) integers are shown."""
    return Recorded(Raw(raw.shape[1:], raw.dtype.name), max(1, min(len(raw), RAW_BYTES // raw[0].nbytes)))


def as_stored(values: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """Golden values as a tensor stores them: where it is quantized real ones become so, as by QUANTIZE; what DEQUANTIZE
    made becomes again what it was."""
    from edgekit.runtimes.values import quantize

    return quantize(values, spec) if spec.scale and values.dtype.kind == "f" else values


def _vectors(archive: Path, sha256: str) -> dict[str, np.ndarray]:
    """The arrays of an archive; none where it is of another model or runtime, or damaged."""
    try:
        found = read_archive(archive)
        of_it = str(found["sha256"]) == sha256 and str(found["runtime"]).startswith(f"{ORACLE} ")
    except (DataError, KeyError):
        return {}
    return found if of_it else {}


def _rows(values: np.ndarray) -> list[list[str]] | None:
    """Of each vector the lines of its literals; None where C has none for a value."""
    import numpy as np

    if values.dtype.name == "float32":
        if not np.isfinite(values).all():
            return None
        made = [[c_float(float(v)) for v in vector] for vector in values.reshape(len(values), -1)]
    elif values.dtype.kind in "iub":
        made = [[c_number(int(v)) for v in vector] for vector in values.reshape(len(values), -1)]
    else:
        return None
    return [[", ".join(v[start : start + _A_ROW]) for start in range(0, len(v), _A_ROW)] for v in made]
