"""Layers and operators that TensorFlow Lite has no form of, or none in integers, and what to use instead.

Known before anything is converted, by the class of the layer, or of a graph by its operators.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edgekit.errors import ModelError
from edgekit.flatbuffer.read import Graph, Operator
from edgekit.model.spectrum import INSTEAD, frontend_of_layer, frontend_of_operator

FRAMES = "replace it by 2-D layers on each frame (TimeDistributed), or frames as channels of a 2-D layer"
SPECTRA = ("STFTSpectrogram", "MelSpectrogram")
TEXT = "do it before the model, and give it the integers"
ELSEWHERE = "compute it outside the model, or replace the layer or its activation"
FLOAT_ONLY = "has no int8 form in TensorFlow Lite, only one in floating point"
NO_FORM = {
    **dict.fromkeys(("MaxPooling3D", "MaxPool3D", "AveragePooling3D", "AvgPool3D"), FRAMES),
    **dict.fromkeys(("ConvLSTM3D",), FRAMES),
    **dict.fromkeys(("StringLookup", "TextVectorization", "Hashing"), TEXT),
}
"""Layers that have no operator in TensorFlow Lite, by class."""
NO_INTEGERS = {
    **dict.fromkeys(("Conv3D", "Convolution3D", "Conv3DTranspose", "Convolution3DTranspose"), FRAMES),
    **dict.fromkeys(("ConvLSTM1D", "ConvLSTM2D"), "replace it by convolutions on each step and LSTM or GRU after them"),
    **dict.fromkeys(SPECTRA, INSTEAD),
}
"""Layers that have one in floating point only."""
FLOAT_OPERATORS = {
    **dict.fromkeys(("CONV_3D", "CONV_3D_TRANSPOSE"), FRAMES),
    **dict.fromkeys(("RFFT2D", "COMPLEX_ABS", "REAL", "IMAG"), INSTEAD),
}
"""Operators that have none in integers, by the same reasons; others come to light when they are quantized."""
LOOPS = {"WHILE", "IF", "CALL", "CALL_ONCE"}


def without_form(model: Any) -> None:
    """Refuses a Keras model with a layer that TensorFlow Lite has no operator for.

    Raises:
      ModelError: names the layer, and what to use instead.
    """
    for layer in _layers(model):
        if instead := NO_FORM.get(kind := type(layer).__name__):
            raise ModelError(f"layer {layer.name!r} ({kind}) has no operator in TensorFlow Lite: {instead}")
        if getattr(layer, "stateful", False) and hasattr(layer, "return_sequences"):
            raise ModelError(
                f"layer {layer.name!r} ({kind}) is stateful: what it answers depends on the runs before, and every "
                "sample here starts afresh; build the model with stateful=False, whose weights are the same"
            )


def without_integers(model: Any) -> tuple[str, ...]:
    """The layers of a Keras model that have no form in integers, each with what to use instead."""
    return tuple(
        f"layer {layer.name!r} ({kind}) {FLOAT_ONLY}: {frontend_of_layer(layer) if kind in SPECTRA else instead}"
        for layer in _layers(model)
        if (instead := NO_INTEGERS.get(kind := type(layer).__name__))
    )


def operators_without_integers(graph: Graph) -> tuple[str, ...]:
    """The operators of a float graph that have no form in integers, each with what to use instead."""
    return tuple(
        f"operator {operator.name} of layer {_layer(operator, graph)!r} {FLOAT_ONLY}: "
        + (frontend_of_operator(operator, graph) if instead == INSTEAD else instead)
        for operator in graph.operators
        if (instead := FLOAT_OPERATORS.get(operator.name))
    )


def check_loops(graph: Graph) -> None:
    """Refuses to quantize a graph with loops or branches; TensorFlow's quantizer crashes of them.

    Raises:
      ModelError: names the layer that the loop is from.
    """
    for operator in graph.operators:
        if operator.name in LOOPS:
            raise ModelError(
                f"layer {_layer(operator, graph)!r} is a loop ({operator.name}), which has no int8 form: give the "
                "Keras model, whose recurrent layers are written out step by step; or set unroll=True in the layer, "
                "and convert the model again without loops"
            )
    if graph.subgraphs > 1:
        raise ModelError(
            f"the graph has {graph.subgraphs} subgraphs ({', '.join(graph.operator_names)}), of which quantization "
            "knows one: convert the model with one signature, and without loops or branches"
        )


def instead_of(described: str) -> str:
    """What to use instead of an operator that came out of the quantizer in floating point, such as "SIN (net/sin)"."""
    return FLOAT_OPERATORS.get(described.split(" ")[0], ELSEWHERE)


def _layers(model: Any) -> Iterator[Any]:
    """All layers, those of nested models and inside wrappers too."""
    for layer in getattr(model, "layers", ()):
        yield layer
        if hasattr(layer, "layers"):
            yield from _layers(layer)
        for part in ("layer", "forward_layer"):
            if (inner := getattr(layer, part, None)) is not None and hasattr(inner, "name"):
                yield inner
                yield from _layers(inner)


def _layer(operator: Operator, graph: Graph) -> str:
    """Of a tensor "model/gru/while" the layer "gru"; the whole name where it is not of that form."""
    name = graph.tensors[operator.outputs[0]].name.split(";")[0] if operator.outputs else operator.name
    parts = name.split("/")
    return parts[1] if len(parts) > 2 else parts[0]
