"""Recordings without an end: an answer every stride, smoothed, held against a threshold, then silence for a while.

All of it is in integers, so that the C of `edgekit.emit.stream` decides the same, byte for byte, in pieces of any size.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta, Struct

from edgekit.config import Settings, nearest
from edgekit.errors import ProjectError
from edgekit.frontend.base import Raw
from edgekit.types import TensorSpec

if TYPE_CHECKING:
    import numpy as np

OUTPUTS = ("int8", "uint8", "int16")
"""What a model answers with."""
NOTHING = -1
"""The class of an answer that detects none."""


class Stream(Settings, frozen=True):
    """`[tool.edgekit.models.NAME.stream]`: how answers become detections."""

    positive: Annotated[tuple[str | int, ...], Meta(min_length=1)]
    """The classes to detect, by their names or numbers."""
    stride_ms: Annotated[float, Meta(gt=0)] | None = None
    """From an answer to the next, a multiple of the front-end's hop; by default that."""
    smoothing: Annotated[int, Meta(ge=1, le=1024)] = 1
    """Answers whose mean is held against the threshold. Before the first answer a class has probability 0."""
    threshold: Annotated[float, Meta(gt=0, le=1)] = 0.5
    """The least mean of a class that detects it; of several classes, the one with the highest mean is detected."""
    refractory_ms: Annotated[float, Meta(ge=0)] = 1000.0
    """After a detection nothing is detected for so long."""
    sample_rate: Annotated[float, Meta(gt=0)] | None = None
    """Of a series, in Hz. Of sound the front-end says it."""
    recordings: str = ""
    """A folder of long recordings with label tracks, relative to pyproject.toml: what is detected there is measured."""


class Plan(Struct, frozen=True):
    """A stream in integers."""

    channels: int
    window: int
    """Samples of a frame's window, of each channel;"""
    hop: int
    """from its start to that of the next;"""
    values: int
    """features that are made of it."""
    frames: int
    """That the model takes at a time."""
    stride: int
    """Frames from an answer to the next."""
    classes: int
    smoothing: int
    least: int
    """What the sum of a class over `smoothing` answers has to be at least, in steps of the output."""
    zero: int
    """What the output stores for probability 0."""
    refractory: int
    """Answers after a detection that detect nothing."""
    positive: tuple[int, ...]
    sample_rate: float
    output: str
    """Type of the answers: one of `OUTPUTS`."""

    def times(self, answers: int) -> np.ndarray:
        """Samples of each channel that are heard when each answer is given, (answers,) int64."""
        import numpy as np

        last = np.arange(answers, dtype=np.int64) * self.stride + self.frames - 1
        return last * self.hop + self.window


class Decisions(Struct, frozen=True):
    """What became of answers."""

    sums: np.ndarray
    """(answers, classes) int32: of each class over the last answers."""
    detected: np.ndarray
    """(answers,) int32: the class, or `NOTHING`."""


def is_sound(frontend: Any) -> bool:
    """Whether a front-end makes frames, a hop apart, of which a model takes several."""
    return hasattr(frontend, "hop")


def is_series(frontend: Any) -> bool:
    """Whether a front-end makes windows of a series, a stride apart, of which a model takes one."""
    return hasattr(frontend, "stride")


def plan(said: Stream, frontend: Any, raw: Raw, output: TensorSpec, labels: tuple[str, ...] = ()) -> Plan:
    """A stream for a front-end and a model.

    Args:
      frontend: of sound or of a series.
      raw: what the model takes at a time.
      output: of the model: a row of classes, quantized.
      labels: of the classes.

    Raises:
      ProjectError: a setting does not fit the front-end or the model.
    """
    shape = frontend.shape(raw)
    if is_series(frontend):
        channels, window, hop = raw.shape[1], frontend.length, frontend.stride or frontend.length
        frames, values, rate = 1, math.prod(shape), said.sample_rate
        if rate is None:
            raise ProjectError("stream.sample_rate: missing; write the rate of the series in Hz, such as 50")
    elif is_sound(frontend):
        channels, window, hop, rate = 1, frontend.window, frontend.hop, float(frontend.sample_rate)
        frames, values = shape
        if said.sample_rate not in (None, rate):
            raise ProjectError(f"stream.sample_rate: the front-end's is {rate:g} Hz; remove it")
    else:
        kind = type(frontend).__struct_config__.tag
        raise ProjectError(f'stream: pictures of frontend.kind = "{kind}" are no stream; remove the table')
    classes = math.prod(output.shape)
    if output.dtype not in OUTPUTS or not output.scale or output.shape[-1] != classes:
        form = f"{'x'.join(map(str, output.shape))} {output.dtype}"
        raise ProjectError(f"stream: needs a model that answers a row of classes in integers, not {form}")
    between = hop / rate * 1000
    stride = 1 if said.stride_ms is None else round(said.stride_ms / between)
    if said.stride_ms is not None and (stride < 1 or abs(stride * between - said.stride_ms) > 0.01 * between):
        raise ProjectError(
            f"stream.stride_ms: {said.stride_ms:g} is no multiple of {between:g} ms, from a window of the front-end to "
            f"the next; write {max(1, stride) * between:g}"
        )
    least = math.ceil(said.smoothing * (said.threshold / output.scale + output.zero_point) - 1e-6)
    return Plan(
        channels=channels,
        window=window,
        hop=hop,
        values=values,
        frames=frames,
        stride=stride,
        classes=classes,
        smoothing=said.smoothing,
        least=least,
        zero=output.zero_point,
        refractory=math.ceil(said.refractory_ms / (stride * between) - 1e-6),
        positive=tuple(sorted({_class(one, classes, labels) for one in said.positive})),
        sample_rate=rate,
        output=output.dtype,
    )


def _class(said: str | int, classes: int, labels: tuple[str, ...]) -> int:
    """The number of a class."""
    if isinstance(said, str) and said in labels:
        return labels.index(said)
    if isinstance(said, int) and 0 <= said < classes:
        return said
    if isinstance(said, str):
        known = nearest(said, labels) if labels else "the classes have no names: write their numbers"
        raise ProjectError(f'stream.positive: there is no class "{said}"; {known}')
    raise ProjectError(f"stream.positive: there is no class {said}; they are 0 to {classes - 1}")


def inputs(of: Plan, frontend: Any, recording: np.ndarray) -> np.ndarray:
    """The features that the model takes for each answer of a recording.

    Args:
      recording: (samples,) or (samples, channels) int16, from the start of the stream.

    Returns:
      (answers, frames, values) int16, or for a series (answers, length, channels); without answers where the recording
      is too short.
    """
    import numpy as np

    windows = np.lib.stride_tricks.sliding_window_view
    if is_series(frontend):
        if len(recording) < of.window:
            return np.empty((0, of.window, of.channels), np.int16)
        cut = windows(recording, of.window, axis=0)[:: of.hop * of.stride].swapaxes(1, 2)
        return frontend.features(np.ascontiguousarray(cut))
    if len(recording) < of.window + (of.frames - 1) * of.hop:
        return np.empty((0, of.frames, of.values), np.int16)
    made = frontend.features(recording[None])[0]
    return np.ascontiguousarray(windows(made, of.frames, axis=0)[:: of.stride].swapaxes(1, 2))


def decide(of: Plan, outputs: np.ndarray) -> Decisions:
    """What answers detect.

    Args:
      outputs: (answers, classes), as the model stores them.
    """
    import numpy as np

    before = np.full((of.smoothing, of.classes), of.zero, np.int32)
    running = np.cumsum(np.concatenate([before, outputs.reshape(-1, of.classes)]), axis=0, dtype=np.int64)
    sums = (running[of.smoothing :] - running[: -of.smoothing]).astype(np.int32)
    best = np.asarray(of.positive)[sums[:, of.positive].argmax(axis=1)]
    detected, quiet = np.full(len(sums), NOTHING, np.int32), 0
    for answer in np.flatnonzero(sums[np.arange(len(sums)), best] >= of.least):
        if answer >= quiet:
            detected[answer], quiet = best[answer], answer + 1 + of.refractory
    return Decisions(sums, detected)
