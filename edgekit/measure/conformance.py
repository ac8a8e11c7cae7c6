"""Whether runtimes agree: their outputs for the same samples, value by value, and where they part.

Differences of integers are counted in LSB, steps of the stored value; of floats they are differences of the values.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.engine.libraries import READING, TOOLS
from edgekit.engine.stage import Work, stage
from edgekit.flatbuffer.names import with_names
from edgekit.flatbuffer.read import read_graph
from edgekit.types import Agreement, Artifact, Divergence

if TYPE_CHECKING:
    import numpy as np

ROWS = 16
"""Samples at most by which a parting is looked for."""


@stage("agree", process=TOOLS, libraries=("numpy", *READING))
def agree(
    work: Work,
    model: Artifact,
    outputs: Artifact,
    predictions: Artifact,
    other_outputs: Artifact,
    other_predictions: Artifact,
    runtime: str,
) -> Agreement:
    """Holds one runtime's outputs against those of the runtime that ships.

    Args:
      outputs, predictions: archive of all stored outputs, and real values of the first, of the one that ships;
      other_outputs, other_predictions: of the other.
      runtime: name and version of the other.
    """
    import numpy as np

    from edgekit.measure.accuracy import churn

    specs, columns = read_graph(Path(model.path)).outputs, []
    with np.load(outputs.path) as ours, np.load(other_outputs.path) as theirs:
        for name in ours.files:
            columns.append(_rows(ours[name], theirs[name]))
    differ = np.max([column.max(axis=1) for column in columns], axis=0)
    rows = np.flatnonzero(differ)
    changed = churn(np.load(other_predictions.path), np.load(predictions.path))
    assert changed.value is not None and changed.low is not None and changed.high is not None
    return Agreement(
        runtime=runtime,
        samples=len(differ),
        identical=100 * float((differ == 0).mean()),
        unit="LSB" if all(np.issubdtype(np.dtype(spec.dtype), np.integer) for spec in specs) else "",
        largest=float(differ.max()),
        mean=float(np.mean([column.mean() for column in columns])),
        churn=changed.value,
        churn_low=changed.low,
        churn_high=changed.high,
        differing=tuple(int(row) for row in rows[np.argsort(-differ[rows], kind="stable")][:ROWS]),
    )


@stage("part", process=TOOLS, libraries=("numpy", *READING))
def first_divergence(
    work: Work, model: Artifact, names: Artifact | None, ours: Artifact, theirs: Artifact
) -> list[Divergence]:
    """Every operator whose outputs differ, in the order of execution. The first one is where the runtimes part: what
    it reads is the same in both. What is computed of constants alone is left out, for a runtime may put it into the
    operator that reads it and leave its tensor as it is.

    Args:
      names: file with the names of the tensors, if the model lacks them.
      ours, theirs: `tensors.npz` of both.
    """
    import numpy as np

    from edgekit.measure.fidelity import sqnr

    graph, found = read_graph(Path(model.path)), []
    graph = with_names(graph, Path(names.path)) if names else graph
    known = {index for index, tensor in enumerate(graph.tensors) if tensor.bytes} | {-1}
    with np.load(ours.path) as one, np.load(theirs.path) as other:
        for number, operator in enumerate(op for op in graph.operators if op.subgraph == 0):
            if known.issuperset(operator.inputs):
                known.update(operator.outputs)
                continue
            for index in operator.outputs:
                name = f"tensor_{index}"
                if name not in one.files:
                    continue
                rows = _rows(one[name], other[name])
                if not rows.any():
                    continue
                label = min(graph.tensors[index].name.split(";"), key=len) or operator.name
                whole = np.issubdtype(one[name].dtype, np.integer)
                share, samples = 100 * float((rows > 0).mean()), int(rows.any(axis=1).sum())
                largest = float(rows.max())
                noise = None if whole else sqnr(one[name], other[name]).value
                unit = "LSB" if whole else ""
                found.append(Divergence(number, operator.name, label, samples, share, largest, unit, noise))
    return found


def _rows(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Absolute differences, (N, values), all finite; NaN beside NaN is none, beside a number it is the largest."""
    import numpy as np

    wide = np.int64 if np.issubdtype(ours.dtype, np.integer) or ours.dtype == np.bool_ else np.float64
    a, b = (array.reshape(len(array), -1).astype(wide) for array in (ours, theirs))
    difference = np.abs(a - b)
    same = (a == b) | (np.isnan(a) & np.isnan(b)) if wide is np.float64 else a == b
    return np.where(same, 0, np.nan_to_num(difference, nan=float(np.finfo(np.float64).max)))
