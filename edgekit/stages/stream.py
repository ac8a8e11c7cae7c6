"""What a build makes of a stream: its C, run on a simulated core, and what is detected in long recordings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from edgekit.ccode.generate import Code
from edgekit.emit.sensor import Sensor
from edgekit.engine.make import Scope
from edgekit.errors import DataError, ProjectError
from edgekit.files import sha256
from edgekit.firmware.run import missing, versions
from edgekit.measure.stream import score_stream, simulate_stream, stream_file
from edgekit.product import Product
from edgekit.runtimes import ORACLE, engine
from edgekit.types import Artifact, Measurement


class OfStream(Struct, frozen=True):
    """What there is of a stream."""

    files: dict[str, Artifact]
    """By name."""
    measurements: list[Measurement]


def hand_over_stream(
    product: Product,
    code: Code | None,
    sensor: Sensor | None,
    made: Mapping[str, Artifact],
    shipped: str,
    scope: Scope,
) -> OfStream:
    """The C of a stream, where there is standalone C; what is detected, where there are recordings.

    Args:
      made: the sources of the model and of the front-end, by name.
      shipped: the runtime that ships.

    Raises:
      ProjectError: a setting does not fit the front-end or the model.
      DataError: the recordings cannot be read.
      ModelError: the stream has other answers on the simulated core than in TFLM.
    """
    said, labels, target = product.spec.stream, product.loaded.labels, product.target
    if said is None or sensor is None:
        return OfStream({}, [])
    # Where the recordings lie decides nothing: their content does.
    plain, files, found = replace(said, recordings=""), dict[str, Artifact](), list[Measurement]()
    try:
        if code and not code.headless:
            written = scope.make(
                stream_file(product.portable, code, product.data, sensor, plain, labels).on(engine(ORACLE))
            )
            files, parts = written.artifacts, [f"{code.name}{part}.{end}" for part in ("", "_features") for end in "hc"]
            sources = {name: made[name] for name in parts} | files
            call = simulate_stream(code, sources, written.value, target.hardware.cpu)
            found += scope.make(call.at({} if missing() else versions())).value
        if said.recordings:
            place = _recordings(said.recordings)
            call = score_stream(product.shipped, place, sensor, plain, labels, shipped, target.runtimes.threads)
            found += scope.make(call.on(engine(shipped))).value
    except ProjectError as problem:  # which knows no name of a model
        raise ProjectError(f"tool.edgekit.models.{product.spec.name}.{problem}") from None
    return OfStream(files, found)


def _recordings(folder: str) -> Artifact:
    try:
        return Artifact("data", folder, 0, sha256(Path(folder)))
    except OSError as problem:
        said = f"cannot be read ({problem.strerror}); check stream.recordings in pyproject.toml"
        raise DataError(f"{folder}: {said}") from None
