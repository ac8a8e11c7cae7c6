"""What a model gets right, and how far its answers are from another model's.

A class is the largest of the outputs, the first of equals; a single output is class 1 above 0.5, as in Keras's
`BinaryAccuracy`. Shares are percentages, differences of shares are percentage points.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from edgekit import runtimes
from edgekit.data.samples import Samples, prepared, read
from edgekit.data.spec import DataSpec
from edgekit.errors import DataError
from edgekit.measure.intervals import mcnemar, paired_difference, wilson
from edgekit.measure.metrics import measured
from edgekit.measure.record import OUTPUTS
from edgekit.runtimes import Session
from edgekit.types import Measurement
from edgekit.worker import Progress

if TYPE_CHECKING:
    import numpy as np

PREDICTIONS = "predictions.npy"
BLOCK = 256
"""Samples that are quantized at once: enough to be quick, few enough for any memory."""


def score_file(
    model: str,
    data: DataSpec,
    runtime: str,
    threads: int,
    reference: str | None,
    folder: str,
    progress: Progress,
    metric: str = "accuracy",
    keep: bool = False,
) -> list[Measurement]:
    """Runs a model over the evaluation set, one sample at a time, each from a fresh state.

    Its first output, in real values, is kept in `folder/predictions.npy`: (samples, outputs) float32; all outputs, as
    they are stored, in `folder/outputs.npz`, if they are to be kept.

    Args:
      model: a `.tflite` file with the dataset's inputs, in their order.
      reference: the float model's `predictions.npy` on the same samples, or None.
      metric: see `edgekit.measure.metrics`; `accuracy` for nothing else.

    Returns:
      `accuracy` where the samples have labels; against the reference `churn`, `sqnr`, and `accuracy_drop` (labels) or
      `fidelity` (no labels).

    Raises:
      TargetError, SetupError, ModelError: see `edgekit.runtimes.open_session`.
      DataError: the samples do not fit the model.
    """
    import numpy as np

    from edgekit.runtimes.values import dequantize

    samples = read(data).evaluation
    session = runtimes.open_session(runtime, model, threads)
    wanted, given = [i.shape for i in session.inputs], [i.shape for i in data.inputs]
    if wanted != given:
        raise DataError(f"{data.source}: samples of shape {given}, but {model} takes {wanted}")
    outputs = _run_all(session, samples, data, progress, None if keep else 1)
    first = outputs[0].reshape(len(outputs[0]), -1)
    predictions = dequantize(first, session.outputs[0]).astype(np.float32, copy=False)
    np.save(Path(folder) / PREDICTIONS, predictions)
    if keep:
        np.savez(Path(folder) / OUTPUTS, **{f"output_{number}": array for number, array in enumerate(outputs)})
    before = None if reference is None else np.load(reference)
    found = compare(predictions, before, samples.y, _label(session))
    if metric != "accuracy":
        found += measured(metric, samples, predictions, before, _label(session))
    return found


def compare(
    predictions: np.ndarray, reference: np.ndarray | None, labels: np.ndarray | None, runtime: str
) -> list[Measurement]:
    """All that can be said of predictions, (N, K) float32, with labels (N,) int64 or a reference like them, or both."""
    found = [] if labels is None else [accuracy(predictions, labels, runtime)]
    if reference is not None:
        found += [churn(predictions, reference, runtime), sqnr(predictions, reference, runtime)]
        if labels is None:
            found.append(fidelity(predictions, reference, runtime))
        else:
            found.append(accuracy_drop(predictions, reference, labels, runtime))
    return found


def changed_file(predictions: str, before: str, data: DataSpec, runtime: str) -> list[Measurement]:
    """How much accuracy a model has lost against a release of it, on the same samples, in the same runtime.

    Args:
      predictions, before: `predictions.npy` of both.

    Returns:
      `accuracy_drop_change`, empty where the samples have no labels.
    """
    import numpy as np

    labels = read(data).evaluation.y
    if labels is None:
        return []
    new, old = np.load(predictions), np.load(before)
    found = accuracy_drop(new, old, labels, runtime)
    right, was_right = classes(new) == labels, classes(old) == labels
    p = mcnemar(int((was_right & ~right).sum()), int((right & ~was_right).sum()))
    return [replace(found, name="accuracy_drop_change", reason=f"McNemar's exact test: p = {p:.3g}")]


def classes(predictions: np.ndarray) -> np.ndarray:
    """Top-1 class of each sample, (N, K) float32 to (N,) int64."""
    import numpy as np

    if predictions.shape[1] == 1:
        return (predictions[:, 0] > 0.5).astype(np.int64)
    return predictions.argmax(axis=1)


def accuracy(predictions: np.ndarray, labels: np.ndarray, runtime: str = "") -> Measurement:
    """Share of samples, in percent, whose class is the label; Wilson's interval."""
    return _share("accuracy", "%", classes(predictions) == labels, runtime)


def fidelity(predictions: np.ndarray, reference: np.ndarray, runtime: str = "") -> Measurement:
    """Share of samples, in percent, whose class is the reference's; Wilson's interval."""
    return _share("fidelity", "%", classes(predictions) == classes(reference), runtime)


def churn(predictions: np.ndarray, reference: np.ndarray, runtime: str = "") -> Measurement:
    """Share of samples, in points, whose class is not the reference's; Wilson's interval."""
    return _share("churn", "points", classes(predictions) != classes(reference), runtime)


def accuracy_drop(predictions: np.ndarray, reference: np.ndarray, labels: np.ndarray, runtime: str = "") -> Measurement:
    """The reference's accuracy minus this one's, in points; Tango's interval for paired samples."""
    right, was_right = classes(predictions) == labels, classes(reference) == labels
    lost, won, count = int((was_right & ~right).sum()), int((right & ~was_right).sum()), len(labels)
    low, high = paired_difference(lost, won, count)
    drop = 100 * (lost - won) / count
    return Measurement("accuracy_drop", drop, "points", runtime=runtime, samples=count, low=100 * low, high=100 * high)


def sqnr(predictions: np.ndarray, reference: np.ndarray, runtime: str = "") -> Measurement:
    """Power of the reference over power of the difference from it, in dB, over all samples and outputs."""
    import numpy as np

    signal = float(np.square(reference, dtype=np.float64).sum())
    noise = float(np.square(predictions.astype(np.float64) - reference).sum())
    value, reason = None, ""
    if not np.isfinite(signal + noise):
        reason = "the predictions hold values that are not finite"
    elif not noise:
        reason = "no noise: the predictions are equal"
    elif not signal:
        reason = "no signal: the reference is zero"
    else:
        value = 10 * float(np.log10(signal / noise))
    return Measurement("sqnr", value, "dB", runtime=runtime, samples=len(predictions), reason=reason)


def _share(name: str, unit: str, hit: np.ndarray, runtime: str) -> Measurement:
    hits, count = int(hit.sum()), len(hit)
    low, high = wilson(hits, count)
    return Measurement(name, 100 * hits / count, unit, runtime=runtime, samples=count, low=100 * low, high=100 * high)


def _run_all(
    session: Session, samples: Samples, data: DataSpec, progress: Progress, count: int | None
) -> list[np.ndarray]:
    """The first outputs as they are stored, each (N, *shape)."""
    import numpy as np

    from edgekit.measure.record import stored

    rows: list[list[np.ndarray]] = []
    for start in range(0, samples.number, BLOCK):
        block = prepared(samples.take(slice(start, start + BLOCK)), data)
        for sample in zip(*stored(block, session.inputs), strict=True):
            session.reset()
            session.set_inputs(sample)
            session.invoke()
            rows.append(session.get_outputs()[:count])
        progress(f"sample {len(rows)}/{samples.number}", len(rows) / samples.number)
    return [np.stack(column) for column in zip(*rows, strict=True)]


def _label(session: Session) -> str:
    return f"{session.name} {session.version}"
