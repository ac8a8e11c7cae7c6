"""What a graph computes that has no inputs: LiteRT runs it once, in a process of its own."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.engine import worker
from edgekit.errors import ModelError

if TYPE_CHECKING:
    import numpy as np

TIME_LIMIT = 300.0
"""Seconds."""


def alone(content: bytes) -> list[np.ndarray]:
    """What a model without inputs computes, in LiteRT's plain kernels.

    Raises:
      Unfolded: LiteRT refuses it.
      WorkerError: the process died, or ran into its time limit, which says nothing of the model.
    """
    import numpy as np

    from edgekit.flatbuffer.fold import Unfolded

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "m.tflite").write_bytes(content)
        try:
            arguments = (str(Path(folder) / "m.tflite"), folder)
            worker.call_confined(run_alone, *arguments, returns=type(None), writes=[folder], time_limit=TIME_LIMIT)
        except ModelError as problem:
            raise Unfolded(str(problem)) from problem
        with np.load(Path(folder) / "outputs.npz") as file:
            return [file[f"output_{n}"] for n in range(len(file.files))]


def run_alone(model: str, folder: str) -> None:
    """Writes the outputs of a model without inputs to `outputs.npz`.

    Raises:
      ModelError: LiteRT refuses it.
    """
    import numpy as np

    from edgekit.runtimes import REFERENCE, open_session

    session = open_session(REFERENCE, model)
    try:
        session.invoke()
    except (RuntimeError, ValueError) as problem:
        raise ModelError(str(problem)) from problem
    outputs = {f"output_{number}": output for number, output in enumerate(session.get_outputs())}
    np.savez(Path(folder) / "outputs.npz", **outputs)
