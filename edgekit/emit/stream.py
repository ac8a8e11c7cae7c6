"""The C of a stream: samples in pieces of any size in, answers and detections out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgekit.data.preprocessing import Preprocessing
from edgekit.emit.literals import C_TYPES
from edgekit.emit.render import render
from edgekit.emit.to_input import code_of, to_input
from edgekit.errors import ProjectError
from edgekit.frontend.kinds import AnyFrontend
from edgekit.frontend.stream import NOTHING, Plan, is_sound
from edgekit.types import TensorSpec

if TYPE_CHECKING:
    import numpy as np


def stream_source(
    of: Plan, frontend: AnyFrontend, said: Preprocessing, stored: TensorSpec, name: str, stateful: bool = False
) -> dict[str, str]:
    """`NAME_stream.h` and `NAME_stream.c`, C11 without heap and without floats, beside the sources of the model and of
    the front-end.

    Args:
      said: what is done to features before they are quantized.
      stored: the model's input.
      name: of the model in C.
      stateful: whether the model keeps states, which each answer starts anew.

    Returns:
      The text of each file by its name.

    Raises:
      ProjectError: features are preprocessed in a way that differs from frame to frame.
    """
    conversion = to_input(said, stored, frontend.bounds, frontend.step)
    if of.values % len(conversion.channels):
        raise ProjectError(
            f"stream: preprocessing has {len(conversion.channels)} channels, more than the {of.values} features of a "
            "frame; give one value for each feature of a frame, or one for all"
        )
    facts = {
        "name": name,
        "macro": name.upper(),
        "plan": of,
        "sound": is_sound(frontend),
        "kept": of.frames * 2 if of.frames > 1 else 1,
        "window": of.window * of.channels,
        "keep": max(0, of.window - of.hop) * of.channels,
        "skip": max(0, of.hop - of.window) * of.channels,
        "input_type": C_TYPES[stored.dtype],
        "output_type": C_TYPES[of.output],
        "conversion": code_of(conversion, f"{name}_to_frame", of.values, "int16_t", C_TYPES[stored.dtype]),
        "nothing": NOTHING,
        "stateful": stateful,
    }
    return {f"{name}_stream.{kind}": render(f"stream.{kind}.jinja", facts) for kind in "hc"}


def selftest_source(
    of: Plan, name: str, recording: np.ndarray, outputs: np.ndarray, detected: np.ndarray
) -> dict[str, str]:
    """`NAME_stream_selftest.h` and `NAME_stream_selftest.c`: a golden stream, and whether a device answers it alike.

    Args:
      recording: (samples,) or (samples, channels) int16.
      outputs: (answers, classes), as the model stores them.
      detected: (answers,), see `edgekit.frontend.stream.Decisions`.

    Returns:
      The text of each file by its name.
    """
    facts: dict[str, Any] = {
        "name": name,
        "macro": name.upper(),
        "plan": of,
        "samples": len(recording),
        "answers": len(detected),
        "golden": recording.ravel().tolist(),
        "outputs": outputs.ravel().tolist(),
        "detected": detected.tolist(),
        "output_type": C_TYPES[of.output],
    }
    return {f"{name}_stream_selftest.{kind}": render(f"stream_selftest.{kind}.jinja", facts) for kind in "hc"}
