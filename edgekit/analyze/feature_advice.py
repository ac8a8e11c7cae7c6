"""What to change where one scale covers features of very different sizes: no other remedy helps against that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.analyze.findings import Advice, Evidence
from edgekit.flatbuffer.read import parse_graph
from edgekit.quantize.normalize import lost_features, normalized
from edgekit.quantize.settings import Quantize

if TYPE_CHECKING:
    import numpy as np


def normalize(reference: bytes, model: bytes, calibrated: list[np.ndarray], settings: Quantize) -> list[Advice]:
    """Advice for the inputs whose features int8 loses.

    Args:
      reference: the float `.tflite`.
      model: the quantized one.
      calibrated: the calibration set, for each input (N, *shape without batch).
      settings: of the quantization.
    """
    inputs, lost = parse_graph(model, "the quantized model").inputs, lost_features(reference, calibrated)
    losing = {number: count for number, count in lost.items() if inputs[number].dtype == "int8"}
    if not losing:
        return []
    can = {head.input for head in normalized(reference, calibrated).heads} if not settings.normalize else set()
    advice = []
    for number, count in losing.items():
        spec = inputs[number]
        text = f"{count} of {spec.shape[-1]} features have fewer than 16 of the 256 steps"
        evidence = Evidence(spec.name, spec.name, text, None, "not predicted")
        change = ("recipe.quantize.normalize=true",) if number in can else ()
        way = "" if change else "; put a Normalization layer first in the model"
        advice.append(Advice(change, f"one scale covers input features of very different sizes{way}", (evidence,)))
    return advice
