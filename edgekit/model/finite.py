"""Weights that are not finite: what they are multiplied with is lost, and no integer form says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.errors import ModelError

if TYPE_CHECKING:
    import numpy as np

LARGEST = 1e18
"""What values of a layer may reach: the product of a weight's scale and an input's is still a float32."""


def check_weights(model: Any, path: Path) -> None:
    """Refuses a model of either Keras with weights that are not finite.

    Raises:
      ModelError: names the layer, the weight, and how many of its values.
    """
    import numpy as np

    for name, weight in _weights(model):
        values = np.asarray(weight)
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            where = weight.name.split(":")[0].split("/")[-1]
            raise ModelError(f"{path}: layer {name!r}: {_said(values, f'its weight {where!r}')}")


def check_constants(content: bytes, path: Path) -> None:
    """Refuses a float `.tflite` with weights that are not finite. Constants that mask with infinities may stay.

    Raises:
      ModelError: names the layer, or the constant where it is no layer's.
    """
    import numpy as np

    from edgekit.flatbuffer.edit import constants
    from edgekit.flatbuffer.linear import linear_layers
    from edgekit.flatbuffer.read import parse_graph

    fixed, names = constants(content), [tensor.name for tensor in parse_graph(content, str(path)).tensors]
    for layer in linear_layers(content):
        for kind, index in (("weights", layer.weights), ("bias", layer.bias)):
            values = fixed.get(index)
            if values is not None and values.dtype.kind == "f" and not np.isfinite(values).all():
                raise ModelError(f"{path}: layer {layer.name!r}: {_said(values, f'its {kind}')}")
    for index, values in fixed.items():
        if values.dtype.kind == "f" and np.isnan(values).any():
            raise ModelError(f"{path}: the constant {names[index]!r}: {_said(values, 'it')}")


def check_ranges(calibrated: bytes, ranges: dict[int, tuple[float, float]]) -> None:
    """Refuses layers whose values or weights are so large that an int8 form loses all others, or has no scale.

    Args:
      calibrated: float `.tflite`.
      ranges: smallest and largest value of its tensors on the calibration set.

    Raises:
      ModelError: names the first layer.
    """
    import numpy as np

    from edgekit.flatbuffer.edit import constants
    from edgekit.flatbuffer.linear import linear_layers

    fixed = constants(calibrated)
    for layer in linear_layers(calibrated):
        largest = float(np.abs(fixed[layer.weights]).max(initial=0))
        low, high = ranges.get(layer.output, (0.0, 0.0))
        if not (largest <= LARGEST and low >= -LARGEST and high <= LARGEST):  # NaN is not within either
            raise ModelError(
                f"layer {layer.name!r} cannot be quantized: its weights reach {largest:.3g} and its values "
                f"{low:.3g} to {high:.3g} on the calibration set; train the model again, or check what its samples hold"
            )


def _weights(model: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The weights of a model, each with its layer, those of models inside too."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _weights(layer, f"{prefix}{layer.name}/")
        else:
            yield from ((prefix + layer.name, weight) for weight in layer.weights)


def _said(values: np.ndarray, what: str) -> str:
    import numpy as np

    count = int((~np.isfinite(values)).sum())
    return f"{count:,} of {values.size:,} values of {what} are not finite; train the model again, or fetch a sound file"
