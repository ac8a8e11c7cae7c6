"""The Interpreter API that LiteRT and `tflite-runtime` share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edgekit.runtimes.session import REFUSALS, refusal
from edgekit.types import TensorSpec

if TYPE_CHECKING:
    import numpy as np


class InterpreterSession:
    """A `Session` over an `Interpreter` class.

    Copying a sample in and the outputs out takes under 1 µs; views of the tensors (`interpreter.tensor`) save nothing.

    Args:
      interpreter_class: `Interpreter` of the runtime's own module.
    """

    def __init__(self, name: str, version: str, interpreter_class: Any, path: str, threads: int) -> None:
        self.name, self.version, self.path = name, version, path
        try:
            self._interpreter = interpreter_class(model_path=path, num_threads=threads)
            self._interpreter.allocate_tensors()
            inputs = self._interpreter.get_input_details()
            outputs = self._interpreter.get_output_details()
            self.inputs, self.outputs = tuple(map(_spec, inputs)), tuple(map(_spec, outputs))
        except REFUSALS as error:
            raise refusal(name, version, path, error) from error
        self._input_indices = [details["index"] for details in inputs]
        self._output_indices = [details["index"] for details in outputs]

    def set_inputs(self, arrays: Sequence[np.ndarray]) -> None:
        """See `Session`."""
        for index, array in zip(self._input_indices, arrays, strict=True):
            self._interpreter.set_tensor(index, array)

    def invoke(self) -> None:
        """See `Session`."""
        try:
            self._interpreter.invoke()
        except RuntimeError as error:
            raise refusal(self.name, self.version, self.path, error) from error

    def get_outputs(self) -> list[np.ndarray]:
        """See `Session`."""
        return [self._interpreter.get_tensor(index) for index in self._output_indices]

    def reset(self) -> None:
        """See `Session`."""
        self._interpreter.reset_all_variables()

    def arena_bytes(self) -> None:
        """None: the runtime allocates from the heap."""

    def arena_used_bytes(self) -> None:
        """None: the runtime allocates from the heap."""

    def arena(self) -> None:
        """None: the runtime allocates from the heap."""


def _spec(details: dict[str, Any]) -> TensorSpec:
    import numpy as np

    scale, zero_point = details["quantization"]
    shape = tuple(int(n) for n in details["shape"])
    return TensorSpec(details["name"], shape, np.dtype(details["dtype"]).name, float(scale), int(zero_point))
