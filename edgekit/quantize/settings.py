"""How a model is quantized: what `recipe.quantize` says."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from edgekit.compress.settings import Pattern
from edgekit.config import Positive, Settings
from edgekit.errors import TargetError


class Quantize(Settings, frozen=True):
    """Weights and activations as integers.

    Source: Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
    Inference"; the int8 rules are those of the TensorFlow Lite 8-bit quantization specification.
    """

    scheme: Literal["int8", "int16x8", "dynamic", "weight-only", "int4", "float16"] = "int8"
    """`int8`: weights and activations; `int16x8`: activations in int16; `dynamic`: int8 weights, activations quantized
    while it runs; `weight-only`: int8 weights, computed in float; `int4`: weights of four bits, activations int8;
    `float16`: weights stored as float16."""
    granularity: Literal["channel", "tensor"] = "channel"
    """Whether each output channel's weights have a scale of their own."""
    calibration_samples: Positive = 256
    """Training samples, as many of each class, whose activations set the ranges."""
    calibration: Literal["minmax", "percentile", "mse", "entropy", "moving-average"] = "minmax"
    """How the range of a tensor follows from its values."""
    percentile: Annotated[float, Meta(gt=50, le=100)] = 99.99
    """Share of the values, in percent, that `percentile` keeps in range."""
    equalize: bool = False
    """Scales of neighbouring layers made alike, before quantization.  Source: Nagel et al. 2019."""
    bias_correction: bool = False
    """The mean error of each channel moved into its bias.  Source: Nagel et al. 2019."""
    rounding: Literal["nearest", "gptq"] = "nearest"
    """`gptq`: each weight is rounded so that later ones make up for its error.  Source: Frantar et al. 2023."""
    normalize: bool = True
    """Whether an input whose features differ so much in size that one scale of int8 loses some stays float32, and is
    normalized before it is quantized."""
    int16_layers: tuple[Pattern, ...] = ()
    """Layers whose activations are int16, by pattern."""
    float_layers: tuple[Pattern, ...] = ()
    """Layers that stay in floating point, by pattern."""
    rescue: bool = False
    """Whether to try one remedy after the other until the budget's accuracy_drop holds on the held-out samples."""
    io: Literal["int8", "float32"] = "int8"
    """Type of the model's inputs and outputs."""
    allow_float_ops: bool = False
    """Whether operators that have no integer form may stay in floating point."""

    @property
    def plain(self) -> bool:
        """Whether the result is int8 throughout, which TensorFlow's own quantizer makes."""
        return self.scheme == "int8" and not self.int16_layers and not self.float_layers

    @property
    def static(self) -> bool:
        """Whether activations are integers, whose ranges calibration finds."""
        return self.scheme in ("int8", "int16x8", "int4")


def check_quantize(settings: Quantize | None) -> None:
    """What types cannot say.

    Raises:
      TargetError: settings contradict each other.
    """
    if settings and settings.bias_correction and not settings.plain:
        raise TargetError("recipe.quantize.bias_correction: is for int8 throughout; remove it")
    if settings and settings.rescue and not settings.plain:
        raise TargetError("recipe.quantize.rescue: starts from int8 throughout; remove the scheme and layers")
