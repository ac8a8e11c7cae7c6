"""Which operators of a graph multiply by constant weights, and what each of their outputs sees of the input."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from edgekit.flatbuffer.edit import constants, main_graph
from edgekit.flatbuffer.schema import accessors

if TYPE_CHECKING:
    import numpy as np

KINDS: dict[str, Literal["conv", "depthwise", "dense"]] = {
    "CONV_2D": "conv",
    "DEPTHWISE_CONV_2D": "depthwise",
    "FULLY_CONNECTED": "dense",
}


class Linear(Struct, frozen=True):
    """A convolution, depthwise convolution or fully connected layer with constant weights."""

    kind: Literal["conv", "depthwise", "dense"]
    operator: int
    """Its position in the graph."""
    name: str
    """Of its output."""
    input: int
    weights: int
    """Tensor of (outputs, height, width, inputs), of (1, height, width, outputs) if depthwise, of (outputs, inputs)."""
    bias: int
    """-1 where there is none."""
    output: int
    activation: str
    """Fused into it: `NONE`, `RELU`, `RELU6`, …"""
    same: bool = False
    """Whether zeros are put around the input, so that the output is as large as it (divided by the stride)."""
    strides: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    multiplier: int = 1
    """Output channels that a depthwise convolution makes of each input channel."""

    @property
    def axis(self) -> int:
        """Of the weights, along which the output channels lie."""
        return 3 if self.kind == "depthwise" else 0


def linear_layers(content: bytes) -> list[Linear]:
    """The layers of the main graph in the order in which they run. Grouped convolutions are left out."""
    return list(_layers(content))


def fused_activations(content: bytes) -> dict[int, str]:
    """The activation that is fused into each operator of the main graph that can have one, by the operator's place."""
    model = accessors().ModelT.InitFromObj(main_graph(content)[0])
    names = _names(accessors().ActivationFunctionType)
    options = [operator.builtinOptions for operator in model.subgraphs[0].operators]
    return {i: names[o.fusedActivationFunction] for i, o in enumerate(options) if hasattr(o, "fusedActivationFunction")}


def windows(layer: Linear, x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """What each position of the output sees of the input, as a view where nothing is padded.

    Args:
      x: the layer's input, real values; (1, H, W, C) for convolutions, any shape for a fully connected layer.
      weights: the layer's, for their shape.

    Returns:
      (positions…, height, width, C) for convolutions, (positions, inputs) for a fully connected layer.
    """
    import numpy as np

    if layer.kind == "dense":
        return x.reshape(-1, weights.shape[1])
    sizes = [(n - 1) * d + 1 for n, d in zip(weights.shape[1:3], layer.dilation, strict=True)]
    x = x[0]
    if layer.same:
        around = [_padding(n, k, s) for n, k, s in zip(x.shape[:2], sizes, layer.strides, strict=True)]
        x = np.pad(x, [*around, (0, 0)]) if any(map(any, around)) else x
    view = np.lib.stride_tricks.sliding_window_view(x, sizes, axis=(0, 1))  # type: ignore[call-overload]
    rows, columns = layer.strides
    down, across = layer.dilation
    return view[::rows, ::columns, :, ::down, ::across].transpose(0, 1, 3, 4, 2)


def _padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros before and after, as `SAME` has it: the odd one goes to the end."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def _layers(content: bytes) -> Iterator[Linear]:
    schema = accessors()
    model, graph = main_graph(content)
    fixed = constants(content)
    names, activations = _names(schema.BuiltinOperator), _names(schema.ActivationFunctionType)
    for number in range(graph.OperatorsLength()):
        operator = graph.Operators(number)
        code = model.OperatorCodes(operator.OpcodeIndex())
        kind = KINDS.get(names.get(max(code.BuiltinCode(), code.DeprecatedBuiltinCode()), ""))
        if kind is None or operator.Inputs(1) not in fixed or operator.BuiltinOptions() is None:
            continue
        options = _options(kind, operator)
        bias = operator.Inputs(2) if operator.InputsLength() > 2 else -1
        source, output = graph.Tensors(operator.Inputs(0)), graph.Tensors(operator.Outputs(0))
        if kind == "conv" and source.Shape(3) != fixed[operator.Inputs(1)].shape[3]:
            continue
        geometry = {} if kind == "dense" else _geometry(options)
        if kind == "depthwise":
            geometry["multiplier"] = output.Shape(3) // source.Shape(3)
        yield Linear(
            kind=kind,
            operator=number,
            name=(output.Name() or b"").decode("utf-8", "replace"),
            input=operator.Inputs(0),
            weights=operator.Inputs(1),
            bias=bias if bias in fixed else -1,
            output=operator.Outputs(0),
            activation=activations[options.FusedActivationFunction()],
            **geometry,
        )


def _geometry(options: Any) -> dict[str, Any]:
    return {
        "same": options.Padding() == accessors().Padding.SAME,
        "strides": (options.StrideH(), options.StrideW()),
        "dilation": (options.DilationHFactor(), options.DilationWFactor()),
    }


def _names(enumeration: Any) -> dict[int, str]:
    return {code: name for name, code in vars(enumeration).items() if not name.startswith("_")}


def _options(kind: str, operator: Any) -> Any:
    schema = accessors()
    kinds = {
        "conv": schema.Conv2DOptions,
        "depthwise": schema.DepthwiseConv2DOptions,
        "dense": schema.FullyConnectedOptions,
    }
    options, union = kinds[kind](), operator.BuiltinOptions()
    options.Init(union.Bytes, union.Pos)
    return options
