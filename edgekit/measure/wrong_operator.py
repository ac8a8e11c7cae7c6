"""Which operator of a model one of two sets of kernels computes wrongly.

Each tensor is asked for alone, at the end of what leads to it: with all tensors handed out, as `record` has them, a
delegate fuses other operators, and the fault may not show.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.data.spec import DataSpec
from edgekit.engine.libraries import READING, TOOLS
from edgekit.engine.stage import Work, stage
from edgekit.flatbuffer.read import Operator
from edgekit.types import Artifact, Divergence

if TYPE_CHECKING:
    import numpy as np

SAMPLES = 16


@stage("find operator", process=TOOLS, libraries=("numpy", *READING))
def wrong_operator(
    work: Work, model: Artifact, data: DataSpec, runtime: str, other: str, least: float
) -> list[Divergence]:
    """The first operator whose inputs are alike in both runtimes and whose output is not; empty where there is none.

    Args:
      runtime, other: two whose library is the same, so that one process may hold both.
      least: dB from which on two floats are alike.
    """
    import numpy as np

    from edgekit import runtimes
    from edgekit.data.read import read_dataset
    from edgekit.data.samples import prepared
    from edgekit.flatbuffer.read import read_graph
    from edgekit.flatbuffer.taps import ending_at
    from edgekit.measure.fidelity import sqnr
    from edgekit.measure.record import stored

    graph, content = read_graph(Path(model.path)), Path(model.path).read_bytes()
    operators = [operator for operator in graph.operators if operator.subgraph == 0]
    inputs = stored(prepared(read_dataset(data).evaluation.take(slice(SAMPLES)), data), graph.inputs)
    makers = {index: number for number, operator in enumerate(operators) for index in operator.outputs}
    known: dict[int, Divergence | None] = {}

    def answers(file: Path, engine: str) -> np.ndarray:
        session, rows = runtimes.open_session(engine, str(file)), []
        for sample in zip(*inputs, strict=True):
            session.reset()
            session.set_inputs(sample)
            session.invoke()
            rows.append(session.get_outputs()[0])
        return np.stack(rows)

    def apart(number: int) -> Divergence | None:
        """The operator, if its first output differs."""
        if number not in known:
            operator = operators[number]
            file = work.folder / "part.tflite"
            file.write_bytes(ending_at(content, number))
            ours, theirs = answers(file, runtime), answers(file, other)
            file.unlink()
            found, noise = sqnr(ours, theirs), np.abs(ours.astype(np.float64) - theirs)
            differs = bool(noise.any()) and (found.value is None or found.value < least)
            known[number] = _parting(number, operator, graph.tensors[operator.outputs[0]].name, noise, found.value)
            if not differs:
                known[number] = None
        return known[number]

    low, high = -1, len(operators) - 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if apart(middle) else (middle, high)
    while high >= 0 and apart(high):
        before = (makers[index] for index in operators[high].inputs if index in makers)
        earlier = next((number for number in before if apart(number)), None)
        if earlier is None:
            return [found] if (found := apart(high)) else []
        high = earlier
    return []


def _parting(number: int, operator: Operator, label: str, noise: np.ndarray, sqnr: float | None) -> Divergence:
    rows = noise.reshape(len(noise), -1)
    name = min(label.split(";"), key=len) or operator.name
    samples, share = int(rows.any(axis=1).sum()), 100 * float((rows > 0).mean())
    return Divergence(number, operator.name, name, samples, share, float(rows.max()), "", sqnr)
