"""What a runtime makes of a model, tensor by tensor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.data.archive import read_archive
from edgekit.data.spec import DataSpec
from edgekit.engine.libraries import READING, TOOLS
from edgekit.engine.stage import Work, stage
from edgekit.errors import DataError
from edgekit.types import Artifact

if TYPE_CHECKING:
    import numpy as np

    from edgekit.types import TensorSpec

INPUTS, TENSORS, OUTPUTS = "inputs.npz", "tensors.npz", "outputs.npz"
"""Archives of stored values, a sample a row: `input_0`, …; `tensor_7`, … by index; `output_0`, …"""


@stage("samples", process=TOOLS, libraries=("numpy", "pillow", *READING))
def store_inputs(work: Work, model: Artifact, data: DataSpec, rows: tuple[int, ...]) -> None:
    """Writes samples of the evaluation set as the model stores them, in `inputs.npz`.

    Args:
      rows: their numbers.
    """
    import numpy as np

    from edgekit.data.read import read_dataset
    from edgekit.data.samples import prepared
    from edgekit.flatbuffer.read import read_graph

    inputs = read_graph(Path(model.path)).inputs
    samples = read_dataset(data).evaluation.take(np.asarray(rows))
    np.savez(work.folder / INPUTS, **_named("input", stored(prepared(samples, data), inputs)))


def stored(arrays: list[np.ndarray], inputs: tuple[TensorSpec, ...]) -> list[np.ndarray]:
    """Real values (N, *shape without batch) as (N, *shape) stored ones."""
    from edgekit.runtimes.values import quantize

    return [quantize(array[:, None], spec) for array, spec in zip(arrays, inputs, strict=True)]


def read_inputs(path: str, inputs: tuple[TensorSpec, ...]) -> list[np.ndarray]:
    """The samples of an archive, one array (N, *shape) per input.

    Raises:
      DataError: it is none, or its samples are not this model's.
    """
    found = read_archive(Path(path), lambda name: name.startswith("input_"))
    if missing := next((name for n in range(len(inputs)) if (name := f"input_{n}") not in found), None):
        raise DataError(f"{path}: has no array {missing!r}; it must hold input_0 and so on, as golden.npz does")
    arrays = [found[f"input_{number}"] for number in range(len(inputs))]
    for number, (array, spec) in enumerate(zip(arrays, inputs, strict=True)):
        if array.shape[1:] != spec.shape or array.dtype != spec.dtype:
            raise DataError(
                f"{path}: input_{number} holds {array.dtype} {list(array.shape[1:])}, "
                f"but the model takes {spec.dtype} {list(spec.shape)}"
            )
    return arrays


@stage("record", process=TOOLS, libraries=("numpy", *READING))
def record(work: Work, model: Artifact, inputs: Artifact, runtime: str) -> bool:
    """Runs the samples of an archive and writes every tensor that an operator makes to `tensors.npz`.

    Returns:
      whether the outputs are what they are where only they are asked for.

    Raises:
      ModelError: the runtime refuses the model.
      DataError: the samples are not this model's.
    """
    import numpy as np

    from edgekit import runtimes
    from edgekit.flatbuffer.taps import tapped

    content, indices = tapped(Path(model.path).read_bytes())
    place = work.folder / "tapped.tflite"
    place.write_bytes(content)
    plain, session = runtimes.open_session(runtime, model.path), runtimes.open_session(runtime, str(place))
    place.unlink()
    rows: list[list[np.ndarray]] = []
    same, arrays = True, read_inputs(inputs.path, plain.inputs)
    for number, sample in enumerate(zip(*arrays, strict=True)):
        for one in (plain, session):
            one.reset()
            one.set_inputs(sample)
            one.invoke()
        rows.append(session.get_outputs())
        pairs = zip(plain.get_outputs(), rows[-1], strict=False)
        same = same and all(a.tobytes() == b.tobytes() for a, b in pairs)
        work.progress(f"sample {number + 1}/{len(arrays[0])}", (number + 1) / len(arrays[0]))
    columns = {f"tensor_{index}": np.stack([row[n] for row in rows]) for n, index in enumerate(indices)}
    np.savez(work.folder / TENSORS, **columns)
    return same


def _named(word: str, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
    return {f"{word}_{number}": array for number, array in enumerate(arrays)}
