"""The error of a model as a real `.tflite`, on the samples of a simulation."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from edgekit.data.spec import DataSpec
from edgekit.quantize.settings import Quantize

if TYPE_CHECKING:
    import numpy as np


def answers(content: bytes, x: list[np.ndarray]) -> np.ndarray:
    """What TensorFlow's own interpreter gives as the first output of a `.tflite`, in real values: (N, K) float32.

    Args:
      x: samples as the float model takes them, for each input (N, …).
    """
    import numpy as np
    import tensorflow as tf

    from edgekit.runtimes.interpreter import InterpreterSession
    from edgekit.runtimes.values import dequantize, quantize

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        path.write_bytes(content)
        session = InterpreterSession("tensorflow", tf.__version__, tf.lite.Interpreter, str(path), 1)
    stored = [quantize(a[:, None], spec) for a, spec in zip(x, session.inputs, strict=True)]
    rows = []
    for sample in zip(*stored, strict=True):
        session.reset()
        session.set_inputs(sample)
        session.invoke()
        rows.append(session.get_outputs()[0].ravel())
    return dequantize(np.stack(rows), session.outputs[0]).astype(np.float32, copy=False)


def error(content: bytes, x: list[np.ndarray], wanted: np.ndarray) -> float:
    """Percent of the samples whose class is not the wanted one, (N,)."""
    from edgekit.measure.metrics import classes

    return 100 * float((classes(answers(content, x)) != wanted).mean())


def converted(model: Any) -> bytes:
    """A `tf_keras` model, as it is now, after the stage of a build that converts it to a float `.tflite`."""
    from edgekit.model.read import KERAS, save
    from edgekit.quantize.convert import convert_file

    with tempfile.TemporaryDirectory() as folder:
        stored, made = Path(folder) / KERAS, Path(folder) / "made"
        made.mkdir()
        save(model, stored)
        convert_file.run(made, stored, "")
        return _only(made)


def quantized(content: bytes, data: DataSpec, settings: Quantize) -> bytes:
    """A float `.tflite` after the stage of a build that quantizes it; operators may stay in floating point."""
    from edgekit.quantize.int8 import quantize_file

    with tempfile.TemporaryDirectory() as folder:
        path, made = Path(folder) / "float.tflite", Path(folder) / "made"
        made.mkdir()
        path.write_bytes(content)
        quantize_file.run(made, path, data, replace(settings, allow_float_ops=True, rescue=False))
        return _only(made)


def _only(folder: Path) -> bytes:
    (file,) = folder.glob("*.tflite")
    return file.read_bytes()
