"""What a model answers where it came from, in TensorFlow: what its float `.tflite` and what follows are held against.

A converter or a runtime may be wrong; a float `.tflite` is no reference before it has been found to answer alike.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from edgekit.data.read import read_dataset
from edgekit.data.samples import prepared
from edgekit.data.spec import DataSpec
from edgekit.engine.libraries import EIGEN, LOADING, TENSORFLOW
from edgekit.engine.stage import Work, stage
from edgekit.errors import ModelError
from edgekit.measure.accuracy import BLOCK, write_answers
from edgekit.model.function import keras_function
from edgekit.model.read import open_keras, original
from edgekit.types import Artifact, Measurement, Reading

if TYPE_CHECKING:
    import numpy as np


@stage("score original", process=TENSORFLOW, libraries=(*LOADING, "numpy"), retry=EIGEN)
def answer_file(
    work: Work, keras: Artifact | None, source: Artifact, settings: Reading, data: DataSpec, metric: str = "accuracy"
) -> list[Measurement]:
    """Runs a model over the evaluation set in TensorFlow, one sample at a time, and writes what `score_file` does.

    Args:
      keras: the `tf_keras` model that was made of the source, or None where it is a graph;
      source: its file then, a SavedModel or a Keras model that Keras 3 alone builds.

    Raises:
      ModelError: TensorFlow cannot run it.
    """
    import numpy as np
    import tensorflow as tf

    samples = read_dataset(data).evaluation
    model = open_keras(keras.path, settings.custom_objects) if keras else None
    function = keras_function(model) if model else original(source.path, settings)
    once = _whole(function) if not getattr(model, "stateful", False) else _by_one(function, model)
    rows: list[list[np.ndarray]] = []
    try:
        for start in range(0, samples.number, BLOCK):
            rows.append(once(prepared(samples.take(slice(start, start + BLOCK)), data)))
            done = min(start + BLOCK, samples.number)
            work.progress(f"sample {done}/{samples.number}", done / samples.number)
    except tf.errors.OpError as problem:
        raise ModelError(
            f"{source.path}: TensorFlow cannot run it: {' '.join(str(problem.message).split())[:200]}"
        ) from None
    outputs = [np.concatenate(parts) for parts in zip(*rows, strict=True)]
    return write_answers(outputs, outputs, None, samples, data, metric, f"tensorflow {tf.__version__}", work.folder)


def _whole(function: Any) -> Callable[[list[np.ndarray]], list[np.ndarray]]:
    """All samples of a block in one call, each with the batch size 1 of the function: its loop is TensorFlow's."""
    import tensorflow as tf

    results = tf.nest.flatten(function.structured_outputs)

    def one(inputs: tuple[Any, ...]) -> list[Any]:
        return tf.nest.flatten(function(*(tensor[None] for tensor in inputs)))

    def block(*inputs: Any) -> list[Any]:
        return tf.map_fn(one, inputs, fn_output_signature=[result.dtype for result in results])

    compiled = tf.function(block, autograph=False, reduce_retracing=True)
    return lambda arrays: [array.numpy() for array in compiled(*arrays)]


def _by_one(function: Any, model: Any) -> Callable[[list[np.ndarray]], list[np.ndarray]]:
    """Sample by sample, of a model that keeps a state: each from a fresh one."""
    import numpy as np
    import tensorflow as tf

    def run(sample: tuple[np.ndarray, ...]) -> list[np.ndarray]:
        model.reset_states()
        return [tensor.numpy() for tensor in tf.nest.flatten(function(*(tf.constant(x[None]) for x in sample)))]

    return lambda arrays: [np.stack(column) for column in zip(*map(run, zip(*arrays, strict=True)), strict=True)]
