"""Where a quantized model's accuracy goes: every tensor against the float model's, and what to do about it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from edgekit.analyze.advice import advise
from edgekit.analyze.error_models import sqnr_db
from edgekit.analyze.feature_advice import normalize
from edgekit.analyze.findings import EXPLANATION, ChannelStatistics, Error, Explanation, TensorError
from edgekit.analyze.fits import uniform_model, value_models
from edgekit.analyze.histogram import bins
from edgekit.analyze.tensors import constants, match, single_graph
from edgekit.analyze.trace import Noise, Place, trace
from edgekit.analyze.weights import weight_error
from edgekit.data.calibration import calibration_rows
from edgekit.data.read import read_dataset
from edgekit.data.samples import prepared, stratified
from edgekit.data.spec import DataSpec
from edgekit.engine.libraries import QUANTIZING, TENSORFLOW
from edgekit.engine.stage import Work, stage
from edgekit.errors import DataError, ModelError
from edgekit.quantize.int8 import improved
from edgekit.quantize.normalize import normalized, with_heads
from edgekit.quantize.settings import Quantize
from edgekit.types import Artifact

if TYPE_CHECKING:
    import numpy as np

Progress = Callable[[str, float], None]


@stage("explain", process=TENSORFLOW, libraries=QUANTIZING)
def explain_file(
    work: Work, reference: Artifact, model: Artifact, data: DataSpec, settings: Quantize, samples: int = 128
) -> Explanation:
    """Explains the quantized `.tflite` in a file with training samples that calibration did not see.

    Args:
      reference: file of the float `.tflite` that was quantized, before equalization.
      model: file of the quantized one.
      settings: of its quantization; what is set already is not advised.
      samples: how many. Where that many are not left, the calibration set is used too.

    Raises:
      ModelError: the two files are not the same model, or not one that can be followed.
      DataError: there are no training samples.
    """
    import numpy as np

    dataset = read_dataset(data)
    train = dataset.train
    if min(samples, train.number) < 1:
        raise DataError(f"{data.source}: has no training samples to explain with; give some, or ask for at least one")
    used, _ = calibration_rows(dataset, settings.calibration_samples, data.seed)
    rest = train.take(np.setdiff1d(np.arange(train.number), used))
    rest = rest if rest.number >= samples else train
    drawn = rest.take(stratified(rest.y, rest.number, min(samples, rest.number), data.seed))
    calibrated, content = prepared(train.take(used), data), Path(reference.path).read_bytes()
    # What was quantized has other channels than the file, other masks, or its inputs normalized first.
    content, _ = improved(content, calibrated, msgspec.structs.replace(settings, rounding="nearest"))
    if settings.plain:
        split = normalized(content, calibrated, settings.normalize)
        content = with_heads(split.model, split.heads)
    return explain(content, Path(model.path).read_bytes(), prepared(drawn, data), calibrated, settings, work.progress)


def explain(
    reference: bytes,
    model: bytes,
    samples: list[np.ndarray],
    calibrated: list[np.ndarray],
    settings: Quantize,
    progress: Progress = lambda text, share: None,
) -> Explanation:
    """Explains a quantized `.tflite`.

    Args:
      reference: the float `.tflite` that was quantized.
      samples: for each input (N, *shape without batch), as the float model takes it.
      calibrated: the calibration set, in which other methods would find their ranges.
      settings: of the quantization; what is set already is not advised.

    Raises:
      ModelError: the two files are not the same model, or not one that can be followed.
    """
    from importlib.metadata import version

    ours, theirs = single_graph(model, "the quantized model"), single_graph(reference, "the float model")
    made = {i for operator in ours.operators for i in operator.outputs} - constants(ours)
    twins = made & match(ours, theirs).keys()
    if len(ours.inputs) != len(theirs.inputs) or len(twins) < len(made) / 2:
        raise ModelError(
            f"the quantized model has {len(made)} tensors, of which {len(twins)} are also in the float model: they are "
            "not the same model; give the float file that was quantized"
        )
    seen = trace(ours, theirs, samples, calibrated, progress)
    weights = [found for w in seen.weights if (found := weight_error(w))]
    outputs = {ours.tensors[i].name for i in ours.ends[1]}
    ends = tuple(p.tensor.name for p in seen.places if p.tensor.name in outputs or p.twin.index in theirs.ends[1])
    return Explanation(
        schema=EXPLANATION,
        samples=len(samples[0]),
        runtime=f"tensorflow {version('tensorflow')}, kernels without delegates",
        float_sha256=hashlib.sha256(reference).hexdigest(),
        model_sha256=hashlib.sha256(model).hexdigest(),
        outputs=ends,
        tensors=tuple(_row(position, place) for position, place in enumerate(seen.places)),
        weights=tuple(weights),
        unmatched=seen.unmatched,
        advice=(*normalize(reference, model, calibrated, settings), *advise(seen, weights, reference, settings)),
    )


def _row(position: int, place: Place) -> TensorError:
    tensor, signal = place.tensor, place.signal / place.values
    alone, models = _error(place.alone, signal), []
    scale, zero, ends = 0.0, 0, (place.low, place.high)
    if place.quantized and alone:
        scale, zero, ends = tensor.scales[0], tensor.zero_points[0], place.ends
        models = [uniform_model(place.parts, scale, place.zeros / place.values, signal, alone.noise)]
        models += value_models(bins(place.counts), *ends, scale, signal, alone.noise)
    accumulated = _error(place.accumulated, signal)
    assert accumulated is not None
    return TensorError(
        position=position,
        name=tensor.name,
        layer=place.layer,
        operator=place.operator.name if place.operator else "input",
        dtype=tensor.dtype,
        shape=tensor.shape,
        low=place.low,
        high=place.high,
        zeros=100 * place.zeros / place.values,
        scale=scale,
        zero_point=zero,
        range_low=ends[0],
        range_high=ends[1],
        clipped=100 * place.clipped / place.values,
        alone=alone,
        operator_alone=_error(place.operator_alone, signal),
        weights_alone=_error(place.weights_alone, signal),
        accumulated=accumulated,
        models=tuple(models),
        channels=_channels(place),
    )


def _error(noise: Noise, signal: float) -> Error | None:
    if not noise.values:
        return None
    mean, absolute = noise.sum / noise.values, noise.absolute / noise.values
    return Error(sqnr_db(signal, noise.mean_square), mean, absolute, noise.largest, noise.mean_square)


def _channels(place: Place) -> ChannelStatistics | None:
    import numpy as np

    largest = place.channel_largest
    heard = largest[largest > 0]
    if not len(heard):
        return None
    return ChannelStatistics(
        number=len(largest),
        spread=float(largest.max() / np.median(heard)),
        silent=int(np.sum(largest == 0)),
        bias_share=100 * place.bias_share,
    )
