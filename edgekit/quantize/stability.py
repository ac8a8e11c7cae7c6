"""Whether the calibration set is good: apart from the evaluation set, and so large that its halves agree."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from edgekit.data.calibration import calibration_rows
from edgekit.data.read import read_dataset
from edgekit.data.samples import prepared
from edgekit.data.spec import DataSpec
from edgekit.engine.libraries import QUANTIZING, TENSORFLOW
from edgekit.engine.stage import Work, stage
from edgekit.errors import DataError
from edgekit.flatbuffer.edit import ranges
from edgekit.flatbuffer.read import parse_graph
from edgekit.model.convertible import check_loops
from edgekit.quantize.int8 import calibrate
from edgekit.quantize.ranges import SAME_SCALE
from edgekit.quantize.settings import Quantize
from edgekit.types import Artifact

if TYPE_CHECKING:
    import numpy as np

FIXED_SCALE = {"SOFTMAX", "LOG_SOFTMAX", "LOGISTIC", "TANH", "L2_NORMALIZATION"}
"""Operators whose int8 output has the same scale in every model (TensorFlow Lite 8-bit quantization specification)."""
BOUND = 0.25
"""A difference that the reader of a report should know of. Measured: 0.04 to 0.06 for the reference model with 64 to
256 samples, 0.14 for a face classifier with 256; 0.27 to 0.33 for a wake word model with 8 or 16 samples, whose halves
make int8 models up to 17 dB apart."""


class Drift(Struct, frozen=True):
    """How far two halves of the calibration set are apart about one tensor."""

    tensor: str
    difference: float
    """Between their lower or their upper limits, whichever is larger, as a share of the range that covers both."""


class CalibrationFacts(Struct, frozen=True):
    """What is wrong with a calibration set, and what was done about it."""

    notes: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


@stage("check calibration", process=TENSORFLOW, libraries=QUANTIZING)
def check_calibration(work: Work, model: Artifact, data: DataSpec, settings: Quantize) -> CalibrationFacts:
    """Whether the calibration set of a float `.tflite` is large enough.

    Raises:
      DataError: all of it scores accuracy too.
    """
    content = Path(model.path).read_bytes()
    check_loops(parse_graph(content, model.path))
    dataset = read_dataset(data)
    count = settings.calibration_samples
    rows, replaced = calibration_rows(dataset, count, data.seed)
    samples = prepared(dataset.train.take(rows), data)
    if not len(rows):
        raise DataError(
            f"{data.source}: all {dataset.train.number} training samples are evaluation samples too; "
            "take them out of one of the two parts"
        )
    notes, remarks = list[str](), list[str]()
    if replaced:
        remarks.append(f"{replaced} calibration samples are evaluation samples too: others were drawn")
    held = dataset.held_out.number if dataset.held_out else 0
    if len(rows) < count <= dataset.train.number + held:
        others = "the evaluation set and the held-out samples" if held else "the evaluation set"
        said = f"{len(rows)} calibration samples instead of {count}: no others are apart from {others}"
        notes.append(f"{said}; --set recipe.quantize.calibration_samples={len(rows)}, or give more training samples")
    if len(rows) < 2:
        notes.append("a single calibration sample sets all ranges; --set recipe.quantize.calibration_samples=256")
        return CalibrationFacts(tuple(notes), tuple(remarks))
    plain = msgspec.structs.replace(settings, calibration="minmax", equalize=False, rounding="nearest")
    worst = stability(content, samples, plain)[:1]
    if worst and worst[0].difference > BOUND:
        apart, tensor = 100 * worst[0].difference, worst[0].tensor.split(";")[0]
        notes.append(
            f"two halves of the {len(rows)} calibration samples differ by {apart:.0f} % of the range of {tensor}; "
            "give more with recipe.quantize.calibration_samples"
        )
    return CalibrationFacts(tuple(notes), tuple(remarks))


def stability(model: bytes, samples: list[np.ndarray], settings: Quantize) -> list[Drift]:
    """How far two disjoint halves of the calibration set are apart, the worst tensor first.

    Tensors whose range does not follow from calibration, and those that take it over from another, are left out.

    Args:
      model: float `.tflite`.
      samples: calibration set in random order, for each input (N, *shape without batch), two or more.
    """
    graph = parse_graph(model, "the float model")
    skipped = {
        index for operator in graph.operators if operator.name in FIXED_SCALE | SAME_SCALE for index in operator.outputs
    }
    halves = [ranges(calibrate(model, [x[first::2] for x in samples], settings)) for first in (0, 1)]
    found = [
        Drift(graph.tensors[index].name, difference(limits, halves[1][index]))
        for index, limits in halves[0].items()
        if index < len(graph.tensors) and index not in skipped
    ]
    return sorted(found, key=lambda drift: -drift.difference)


def difference(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Of two ranges, as a share of the one that covers both; 0 where they are both a single point."""
    width = max(one[1], other[1]) - min(one[0], other[0])
    return max(abs(one[0] - other[0]), abs(one[1] - other[1])) / width if width > 0 else 0.0
