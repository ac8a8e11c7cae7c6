"""What a model gets right, and how far its answers are from another model's.

A class is the largest of the outputs, the first of equals; a single output is class 1 above 0.5, as in Keras's
`BinaryAccuracy`. Shares are percentages, differences of shares are percentage points.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from edgekit import runtimes
from edgekit.data.metric import LOWER, metric_of
from edgekit.data.read import read_dataset
from edgekit.data.samples import Samples, prepared
from edgekit.data.spec import DataSpec
from edgekit.engine.libraries import TOOLS
from edgekit.engine.stage import Progress, Work, stage
from edgekit.errors import DataError, ModelError
from edgekit.measure.fidelity import NO_CLASSES, lost_outputs, no_classes, probabilities, sqnr
from edgekit.measure.intervals import mcnemar, paired_difference, wilson
from edgekit.measure.metrics import classes, measured
from edgekit.measure.record import OUTPUTS
from edgekit.measure.skill import skill
from edgekit.runtimes import Session
from edgekit.types import Artifact, Measurement

if TYPE_CHECKING:
    import numpy as np

PREDICTIONS = "predictions.npy"
BLOCK = 256
"""Samples that are quantized at once: enough to be quick, few enough for any memory."""


@stage("score", process=TOOLS, libraries=("numpy",))
def score_file(
    work: Work,
    model: Artifact,
    data: DataSpec,
    runtime: str,
    threads: int,
    reference: Artifact | None,
    metric: str = "accuracy",
    keep: bool = False,
    most: int | None = None,
    real: bool = False,
) -> list[Measurement]:
    """Runs a model over the evaluation set, one sample at a time, each from a fresh state.

    Its first output, in real values, is kept in `folder/predictions.npy`: (samples, values) float32; all outputs, as
    they are stored, in `folder/outputs.npz`, if they are to be kept.

    Args:
      model: a `.tflite` file with the dataset's inputs, in their order.
      reference: the reference's `outputs.npz`, in real values, on the same samples, or None.
      metric: see `edgekit.measure.metrics`; `accuracy` for nothing else.
      most: evaluation samples that are enough; all of them where it is None.
      real: the outputs are kept in real values, to be a reference.

    Returns:
      see `compare`; `skill` where outputs are kept that become a reference. Of the second output and those after it
      the names end with a dot and the output's name.

    Raises:
      TargetError, SetupError, ModelError: see `edgekit.runtimes.open_session`.
      DataError: the samples do not fit the model.
    """
    import numpy as np

    from edgekit.runtimes.values import dequantize

    samples = read_dataset(data).evaluation
    samples = samples if most is None else samples.take(slice(most))
    session = runtimes.open_session(runtime, model.path, threads)
    wanted, given = [i.shape for i in session.inputs], [i.shape for i in data.inputs]
    if wanted != given:
        raise DataError(f"{data.source}: samples of shape {given}, but {model.path} takes {wanted}")
    outputs = _run_all(session, samples, data, work.progress)
    values = [dequantize(o, spec) for o, spec in zip(outputs, session.outputs, strict=True)]
    before = None
    if reference is not None:
        with np.load(reference.path) as file:
            before = [file[name] for name in file.files]
    place = work.folder
    kept = (values if real else outputs) if keep else None
    return write_answers(kept, values, before, samples, data, metric, _label(session), place)


def write_answers(
    stored: list[np.ndarray] | None,
    real: list[np.ndarray],
    reference: list[np.ndarray] | None,
    samples: Samples,
    data: DataSpec,
    metric: str,
    runtime: str,
    folder: Path,
) -> list[Measurement]:
    """Keeps a model's answers, and says all that can be said of them; see `score_file`.

    Args:
      stored: all outputs, (N, *shape) each, to be kept; or None.
      real: the same in real values;
      reference: as another model answers, of the same samples or more.

    Raises:
      DataError: the two have not the same outputs, or the metric fails.
    """
    import numpy as np

    predictions = [array.reshape(len(array), -1).astype(np.float32, copy=False) for array in real]
    np.save(folder / PREDICTIONS, predictions[0])
    if stored is not None:
        np.savez(folder / OUTPUTS, **{f"output_{number}": array for number, array in enumerate(stored)})
    ours = [array.shape[1:] for array in predictions]
    before = [array[: len(real[0])].reshape(len(real[0]), -1).astype(np.float32) for array in reference or []]
    if reference is not None and ours != [array.shape[1:] for array in before]:
        raise ModelError(
            f"{runtime}: outputs of {_sizes(ours)} values, but the model as it was given has "
            f"{_sizes([array.shape[1:] for array in before])}"
        )
    found = []
    for number, prediction in enumerate(predictions):
        y, targets = samples.answers(number)
        name, old = data.output(number), before[number] if before else None
        columns = real[number].shape[-1] if real[number].ndim > 1 else 1
        wanted = metric_of(metric, name, number)
        said = compare(prediction, old, y, runtime, columns)
        if wanted in LOWER or (y is None and targets is not None):  # numbers, also where all are from 0 to 1
            said = [replace(m, reason=NO_CLASSES) if m.name in ("churn", "fidelity") else m for m in said]
        if stored is not None and old is None and (judged := skill(prediction, y, targets, runtime)):
            said.append(judged)
        if wanted != "accuracy":
            said += measured(wanted, Samples(samples.x, y, targets), prediction, old, runtime)
        found += said if number == 0 else [replace(m, name=f"{m.name}.{name}") for m in said]
    return found


def compare(
    predictions: np.ndarray, reference: np.ndarray | None, labels: np.ndarray | None, runtime: str, columns: int = 1
) -> list[Measurement]:
    """All that can be said of predictions, (N, K) float32, with labels (N,) int64 or a reference like them, or both.

    Args:
      columns: length of the output's last axis.

    Returns:
      `accuracy` where there are labels; against the reference `churn`, `sqnr`, and `accuracy_drop` (labels) or
      `fidelity` and `lost_outputs` (no labels).
    """
    found = [] if labels is None else [accuracy(predictions, labels, runtime)]
    if reference is not None:
        found += [churn(predictions, reference, runtime, columns), sqnr(predictions, reference, runtime)]
        if labels is None:
            found.append(fidelity(predictions, reference, runtime, columns))
            found.append(lost_outputs(predictions, reference, runtime, columns))
        else:
            found.append(accuracy_drop(predictions, reference, labels, runtime))
    return found


@stage("changed", process=TOOLS, libraries=("numpy",))
def changed_file(
    work: Work, predictions: Artifact, before: Artifact, data: DataSpec, runtime: str
) -> list[Measurement]:
    """How much accuracy a model has lost against a release of it, on the same samples, in the same runtime.

    Args:
      predictions, before: `predictions.npy` of both.

    Returns:
      `accuracy_drop_change`, empty where the samples have no labels.
    """
    import numpy as np

    labels = read_dataset(data).evaluation.y
    if labels is None:
        return []
    new, old = np.load(predictions.path), np.load(before.path)
    found = accuracy_drop(new, old, labels, runtime)
    right, was_right = classes(new) == labels, classes(old) == labels
    p = mcnemar(int((was_right & ~right).sum()), int((right & ~was_right).sum()))
    return [replace(found, name="accuracy_drop_change", reason=f"McNemar's exact test: p = {p:.3g}")]


def accuracy(predictions: np.ndarray, labels: np.ndarray, runtime: str = "") -> Measurement:
    """Share of samples, in percent, whose class is the label; Wilson's interval."""
    return _share("accuracy", "%", classes(predictions) == labels, runtime)


def fidelity(predictions: np.ndarray, reference: np.ndarray, runtime: str = "", columns: int = 0) -> Measurement:
    """Share of samples, in percent, whose class is the reference's; see `churn`."""
    changed = _changed(predictions, reference, columns)
    return replace(_share("fidelity", "%", 1 - changed, runtime), reason=no_classes(reference, columns))


def churn(predictions: np.ndarray, reference: np.ndarray, runtime: str = "", columns: int = 0) -> Measurement:
    """Share of samples, in points, whose class is not the reference's; Wilson's interval.

    Args:
      columns: length of the output's last axis. Where the reference's rows along it are probabilities and there are
        several in a sample, as in segmentation, it is the share of all rows.
    """
    changed = _changed(predictions, reference, columns)
    return replace(_share("churn", "points", changed, runtime), reason=no_classes(reference, columns))


def accuracy_drop(predictions: np.ndarray, reference: np.ndarray, labels: np.ndarray, runtime: str = "") -> Measurement:
    """The reference's accuracy minus this one's, in points; Tango's interval for paired samples."""
    right, was_right = classes(predictions) == labels, classes(reference) == labels
    lost, won, count = int((was_right & ~right).sum()), int((right & ~was_right).sum()), len(labels)
    low, high = paired_difference(lost, won, count)
    drop = 100 * (lost - won) / count
    return Measurement("accuracy_drop", drop, "points", runtime=runtime, samples=count, low=100 * low, high=100 * high)


def _share(name: str, unit: str, hit: np.ndarray, runtime: str) -> Measurement:
    """Of hits (N,) from 0 to 1."""
    hits, count = float(hit.sum()), len(hit)
    low, high = wilson(hits, count)
    return Measurement(name, 100 * hits / count, unit, runtime=runtime, samples=count, low=100 * low, high=100 * high)


def _changed(predictions: np.ndarray, reference: np.ndarray, columns: int) -> np.ndarray:
    """Of each sample the share of classes that differ, (N,)."""
    count, size = reference.shape
    if 1 < columns < size and probabilities(reference, columns):
        after, before = (array.reshape(count, -1, columns).argmax(axis=2) for array in (predictions, reference))
        return (after != before).mean(axis=1)
    return (classes(predictions) != classes(reference)).astype(float)


def _run_all(session: Session, samples: Samples, data: DataSpec, progress: Progress) -> list[np.ndarray]:
    """All outputs as they are stored, each (N, *shape without batch)."""
    import numpy as np

    from edgekit.measure.record import stored

    rows: list[list[np.ndarray]] = []
    for start in range(0, samples.number, BLOCK):
        block = prepared(samples.take(slice(start, start + BLOCK)), data)
        for sample in zip(*stored(block, session.inputs), strict=True):
            session.reset()
            session.set_inputs(sample)
            session.invoke()
            rows.append(session.get_outputs())
        progress(f"sample {len(rows)}/{samples.number}", len(rows) / samples.number)
    return [np.stack(column) for column in zip(*rows, strict=True)]


def _sizes(shapes: list[tuple[int, ...]]) -> str:
    return " and ".join(str(shape[0]) for shape in shapes)


def _label(session: Session) -> str:
    return f"{session.name} {session.version}"
