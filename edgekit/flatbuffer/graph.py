"""The one model of a `.tflite` that all rooms read: what `edgekit.flatbuffer.read` makes of a file."""

from __future__ import annotations

import builtins
import math
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from edgekit.errors import ModelError
from edgekit.types import TensorSpec

if TYPE_CHECKING:
    import numpy as np

NUMPY = {
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128"),
}
"""Types of tensors that NumPy has under the same name."""


class Tensor(Struct, frozen=True):
    """A tensor of the graph: an input, a weight, or a value in between."""

    index: int
    """Its position in `Graph.tensors`."""
    name: str
    shape: tuple[int, ...]
    shape_signature: tuple[int, ...]
    """The shape with -1 where a dimension is open; empty where none is."""
    dtype: str
    """NumPy's name (`int8`), or the schema's in lower case where NumPy has none (`int4`, `bfloat16`, `string`)."""
    scales: tuple[float, ...]
    """real = scale * (stored - zero_point). One, or one a slice of `quantized_dimension`; empty if not quantized."""
    zero_points: tuple[int, ...]
    quantized_dimension: int
    bytes: int
    """Of its constant data; 0 where it has none."""
    subgraph: int = 0
    buffer: int = 0
    """Which of the file's buffers holds its data; equal constants may share one."""
    variable: bool = False
    """Whether its value lasts from one execution to the next."""
    sparse: bool = False
    """Whether that leaves out zeros."""


class Operator(Struct, frozen=True):
    """One step of the graph."""

    name: str
    """As in the schema (`CONV_2D`), or a custom operator's code."""
    version: int
    custom: bool
    inputs: tuple[int, ...]
    """Positions in `Graph.tensors`; -1 where an optional input is absent."""
    outputs: tuple[int, ...]
    macs: int
    """Multiply-accumulates of one execution."""
    subgraph: int = 0


class Graph(Struct, frozen=True):
    """A model as it lies in its file. The main subgraph is the first; its tensors and operators come first too."""

    description: str
    version: int
    """Of the schema: 3."""
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    subgraphs: int
    signatures: tuple[str, ...]
    bytes: int
    """Of the file."""
    sha256: str
    macs: int
    """Of one inference: all operators but those of another signature's subgraph; the body of a loop counts once."""
    parameters: int
    """Elements of the constant weights, biases included; a buffer that several tensors share counts once."""

    ends: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())
    """Positions of the inputs and the outputs in `tensors`."""
    content: builtins.bytes = b""
    """The file;"""
    data: tuple[int, ...] = ()
    """where in it the constant data of each tensor starts,"""
    options: tuple[tuple[int, int], ...] = ()
    """and the table of each operator's settings, behind its number in the schema; both 0 where there is none."""

    @property
    def operator_names(self) -> tuple[str, ...]:
        """Each kind of operator once, in alphabetical order."""
        return tuple(sorted({operator.name for operator in self.operators}))

    def constant(self, tensor: Tensor) -> np.ndarray | None:
        """The values of a constant, which share the file's memory; None where a tensor has none.

        Raises:
          ModelError: there are not as many as its shape asks for, or they are of a type that NumPy lacks.
        """
        import numpy as np

        if not tensor.bytes:
            return None
        dtype = np.dtype(tensor.dtype) if tensor.dtype in NUMPY else None
        whole = dtype is not None and min(tensor.shape, default=1) > 0 and not tensor.sparse
        if dtype is None or not whole or tensor.bytes != dtype.itemsize * math.prod(tensor.shape):
            said = f"the shape {list(tensor.shape)}, for which {tensor.bytes:,} bytes of data are not right"
            raise ModelError(f"tensor {tensor.name!r} is {tensor.dtype} of {said}; convert the model again")
        return np.frombuffer(self.content, dtype, math.prod(tensor.shape), self.data[tensor.index]).reshape(
            tensor.shape
        )

    def settings(self, number: int) -> Any:
        """The settings of one of `operators` as the schema has them (`Conv2DOptionsT`), None where it has none.

        Raises:
          ModelError: the file is damaged there.
        """
        from edgekit.flatbuffer.bounds import DAMAGE
        from edgekit.flatbuffer.schema import option_types

        kind, at = self.options[number]
        if not kind:
            return None
        try:
            return option_types()[kind].InitFromBuf(self.content, at)
        except DAMAGE as problem:
            raise ModelError(f"is damaged ({type(problem).__name__}); convert the model again") from problem
