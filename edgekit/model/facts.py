"""What is known of a model that was read: its ends, its size, and what it holds that is not quantized."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from msgspec import structs

from edgekit.errors import ModelError
from edgekit.flatbuffer.read import Graph
from edgekit.model.convertible import check_loops, operators_without_integers
from edgekit.types import ModelFacts, TensorSpec

WRAPPED = ("layer", "cell", "forward_layer", "backward_layer")
"""What layers call another layer that they hold."""


def graph_facts(graph: Graph, path: Path, source: str, form: Literal["float", "int8"], why: str) -> ModelFacts:
    """Of a model that is a graph.

    Args:
      path: of the user's file, for messages.
      source: the format of that file.
      why: it cannot be trained.

    Raises:
      ModelError: it has loops that no runtime takes, or tensors of an open size.
    """
    for operator in graph.operators if any(t.shape_signature for t in graph.tensors) else ():
        if operator.name == "WHILE":  # the tensors in it have sizes that change
            try:
                check_loops(graph)
            except ModelError as problem:
                raise ModelError(f"{path}: {problem}") from None
    for tensor in graph.tensors:
        if tensor.shape_signature and -1 in tensor.shape_signature[1:]:
            raise ModelError(f"{path}: tensor {tensor.name!r} has an open size; convert it with a fixed input shape")
    return ModelFacts(
        form=form,
        format=source,
        inputs=graph.inputs,
        outputs=graph.outputs,
        layers=len(graph.operators),
        parameters=graph.parameters,
        untrainable=why,
        floats=operators_without_integers(graph),
    )


def is_integer(graph: Graph) -> bool:
    """Whether a graph computes in integers: some operator has quantized weights and no float input."""
    floats = sum(graph.tensors[i].dtype == "float32" for op in graph.operators for i in op.inputs if i >= 0)
    return floats == 0 or any(op.name == "QUANTIZE" for op in graph.operators)


def spec_of(tensor: Any, path: Path) -> TensorSpec:
    """An input or output of a Keras model, for one sample.

    Raises:
      ModelError: it has an open size.
    """
    shape = tuple(tensor.shape)
    if None in shape[1:]:
        named = "x".join("?" if n is None else str(n) for n in shape[1:])
        raise ModelError(
            f"{path}: {tensor.name.split(':')[0]!r} has an open size ({named}); fix it with --input-shape, as in "
            f"--input-shape={named.replace('?', '96')}"
        )
    return TensorSpec(tensor.name.split(":")[0], (1, *shape[1:]), tensor.dtype.name)


def names_of(model: Any) -> tuple[str, ...]:
    """Names of a Keras model's layers, and of those in nested models and wrappers."""
    found, pending = dict[str, None](), [model]
    while pending:
        whole = pending.pop()
        inside = [*getattr(whole, "layers", ()), *(getattr(whole, word, None) for word in WRAPPED)]
        named = [layer for layer in inside if isinstance(getattr(layer, "name", None), str)]
        pending += [layer for layer in named if layer.name not in found]
        found |= {layer.name: None for layer in named}
    return tuple(found)


def outputs_of(model: Any, path: Path) -> tuple[TensorSpec, ...]:
    """The outputs of a `tf_keras` model under the names that it gives them."""
    specs, names = [spec_of(t, path) for t in model.outputs], list(model.output_names)
    return tuple(
        structs.replace(s, name=n)
        for s, n in zip(specs, names if len(names) == len(specs) else [s.name for s in specs], strict=True)
    )
