"""Real values in, real values out: how they become the integers that a quantized model stores, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgekit.errors import DataError
from edgekit.runtimes.session import Session
from edgekit.types import TensorSpec

if TYPE_CHECKING:
    import numpy as np


def quantize(values: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """Real values as the tensor stores them; out-of-range values are clipped.

    The rule is that of TFLite's own QUANTIZE operator: divide in float32, round half away from zero, add the zero
    point, clip. (XNNPACK, in LiteRT, rounds halves to even.) A tensor without a scale only changes its dtype.

    Args:
      values: any shape and dtype.

    Source: `AffineQuantize` in tensorflow/lite/kernels/internal/reference/quantize.h.
    """

    import numpy as np

    dtype = np.dtype(spec.dtype)
    if not spec.scale:
        return np.ascontiguousarray(values, dtype)
    values = np.asarray(values, np.float32)
    if spec.multiply:
        values = (values - np.asarray(spec.subtract, np.float32)) * np.asarray(spec.multiply, np.float32)
    scaled = values / np.float32(spec.scale)
    whole = np.trunc(scaled)  # not floor(x + 0.5), which is 1 for the float32 just below 0.5
    whole += np.copysign(np.abs(scaled - whole) >= 0.5, scaled)
    whole += np.float32(spec.zero_point)
    limits = np.iinfo(dtype)
    return np.clip(whole, limits.min, limits.max, out=whole).astype(dtype)


def dequantize(stored: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """Stored values as real ones, `scale * (stored - zero_point)` in float32; unchanged where there is no scale."""

    import numpy as np

    if not spec.scale:
        return stored
    real = (stored.astype(np.float32) - np.float32(spec.zero_point)) * np.float32(spec.scale)
    return (
        real / np.asarray(spec.multiply, np.float32) + np.asarray(spec.subtract, np.float32) if spec.multiply else real
    )


def run(session: Session, inputs: list[np.ndarray]) -> list[np.ndarray]:
    """Runs one sample of real values from a fresh state.

    Args:
      inputs: real values, one array of the shape `session.inputs` says per input.

    Returns:
      real values of each output, float32 where the model is quantized.

    Raises:
      DataError: number or shape of the inputs do not fit the model.
      ModelError: an operator failed.
    """

    import numpy as np

    got, wanted = [np.shape(array) for array in inputs], [spec.shape for spec in session.inputs]
    if got != wanted:
        raise DataError(f"{session.path}: takes inputs of shape {_shapes(wanted)}, not {_shapes(got)}")
    session.reset()
    session.set_inputs([quantize(array, spec) for array, spec in zip(inputs, session.inputs, strict=True)])
    session.invoke()
    return [dequantize(stored, spec) for stored, spec in zip(session.get_outputs(), session.outputs, strict=True)]


def random_inputs(inputs: Sequence[TensorSpec], seed: int) -> list[np.ndarray]:
    """Stored values to measure speed and memory with, the same for the same seed.

    Quantized tensors get any value that they can store, floats get -1 … 1, plain integers 0 (they may be indices).
    """

    import numpy as np

    generator = np.random.default_rng(seed)

    def values(spec: TensorSpec) -> np.ndarray:
        dtype = np.dtype(spec.dtype)
        if dtype.kind == "f":
            return generator.uniform(-1, 1, spec.shape).astype(dtype)
        if not spec.scale:
            return np.zeros(spec.shape, dtype)
        limits = np.iinfo(dtype)
        return generator.integers(limits.min, limits.max, spec.shape, dtype, endpoint=True)

    return [values(spec) for spec in inputs]


def _shapes(shapes: list[tuple[int, ...]]) -> str:
    return ", ".join(str(list(shape)) for shape in shapes)
