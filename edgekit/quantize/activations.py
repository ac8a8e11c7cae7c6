"""What every tensor of a graph holds while it runs, sample by sample."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from edgekit.runtimes.values import quantize
from edgekit.types import TensorSpec

if TYPE_CHECKING:
    import numpy as np


def activations(model: bytes, samples: list[np.ndarray], tensors: Collection[int]) -> Iterator[dict[int, np.ndarray]]:
    """Runs the samples through TensorFlow's own interpreter, each from a fresh state, with portable kernels.

    Args:
      model: a `.tflite` with batch size 1, float or integer.
      samples: for each input (N, *shape without batch), real values as the float model takes them.
      tensors: which tensors to give, by index: inputs, outputs of operators, or constants.

    Yields:
      for each sample, by tensor index, the values in real numbers: `scale * (stored - zero_point)` of what is stored
      as integers with one scale. Only one sample is in memory at a time.
    """
    import numpy as np
    import tensorflow as tf

    interpreter = tf.lite.Interpreter(
        model_content=model,
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    inputs = interpreter.get_input_details()
    specs = [TensorSpec(i["name"], tuple(i["shape"]), np.dtype(i["dtype"]).name, *i["quantization"]) for i in inputs]
    details = {d["index"]: d["quantization"] for d in interpreter.get_tensor_details() if d["index"] in set(tensors)}

    def real(index: int) -> np.ndarray:
        stored = interpreter.get_tensor(index)
        scale, zero_point = details[index]
        return (stored.astype(np.float32) - np.float32(zero_point)) * np.float32(scale) if scale else stored

    for row in range(len(samples[0])):
        interpreter.reset_all_variables()
        for into, spec, values in zip(inputs, specs, samples, strict=True):
            interpreter.set_tensor(into["index"], quantize(values[row : row + 1], spec))
        interpreter.invoke()
        yield {index: real(index) for index in tensors}
