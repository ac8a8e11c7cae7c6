"""Which channels of a model can only go together: the dependencies between the weights of its layers.

Every channel of every tensor has a label. Layers that mix channels make new labels, layers that keep channels apart
hand them on, and layers that combine tensors channel by channel make two labels one. What edgekit does not know, it
leaves alone: the labels that touch it are frozen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from edgekit.compress.labels import NATURAL, Labels

if TYPE_CHECKING:
    import numpy as np

PASSING = frozenset(
    "Activation ReLU LeakyReLU ELU ThresholdedReLU Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D "
    "GaussianNoise GaussianDropout AlphaDropout ActivityRegularization MaxPooling1D MaxPooling2D MaxPooling3D "
    "AveragePooling1D AveragePooling2D AveragePooling3D GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D "
    "GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D UpSampling1D UpSampling2D UpSampling3D "
    "Cropping1D Cropping2D Cropping3D Rescaling".split()
)
"""Layers that treat every channel alike, and turn a constant channel into a constant one."""
PADDING = frozenset(("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D"))
MERGING = frozenset(("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"))
CONVOLUTIONS = frozenset(
    "Dense Conv1D Conv2D Conv3D Conv1DTranspose Conv2DTranspose Conv3DTranspose SeparableConv1D SeparableConv2D".split()
)
"""Layers whose every output channel reads every input channel."""
DEPTHWISE = frozenset(("DepthwiseConv1D", "DepthwiseConv2D"))
FUNCTIONS = frozenset(
    "__operators__.add __operators__.sub __operators__.mul __operators__.truediv math.add math.subtract math.multiply "
    "math.divide math.maximum math.minimum nn.relu nn.relu6 nn.leaky_relu nn.elu nn.selu nn.gelu nn.silu nn.softplus "
    "math.sigmoid math.tanh math.abs math.square math.negative clip_by_value identity cast".split()
)
"""Functions of TensorFlow that work element by element."""
PROBES = (1.0, -1e6, 1e6)
"""Values in the place of one that is not known."""


class Call(NamedTuple):
    """A layer at one place of the graph."""

    layer: Any
    inputs: list[np.ndarray]
    """Labels of each input's channels, (C,) int64."""
    output: np.ndarray
    """Labels of the output's channels."""
    constants: list[np.ndarray]
    """What each channel of the inputs would be everywhere if its own weights were zero; NaN where it would differ
    from place to place."""


class Group(NamedTuple):
    """Channels that the same layers make, one like the other: those that can be ranked among themselves."""

    layers: tuple[str, ...]
    """The layers that make them."""
    labels: np.ndarray
    """(N,) int64."""


class Dependencies:
    """The labels of a model's channels, and who makes and reads them.

    Args:
      model: a functional `tf_keras.Model` without nested models.
    """

    def __init__(self, model: Any) -> None:

        self.calls: list[Call] = []
        self.labels = Labels()
        self._made: dict[int, np.ndarray] = {}
        self._known: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        """By a tensor's id, its labels and constants."""
        for tensor in model.inputs:
            self._put_unknown(tensor, NATURAL)
        for depth in sorted(model._nodes_by_depth, reverse=True):
            for node in model._nodes_by_depth[depth]:
                if not node.is_input:
                    self._follow(node)
        for tensor in model.outputs:
            self.labels.freeze(self._known[id(tensor)][0], NATURAL)
        self._check_constants()

    def root(self, labels: np.ndarray) -> np.ndarray:
        """The label that stands for each label's class."""
        return self.labels.root(labels)

    def groups(self) -> list[Group]:
        """The channels that can be removed, in the order in which the model makes them."""
        import numpy as np

        frozen = self.labels.frozen()
        grouped: dict[tuple[str, ...], list[int]] = {}
        for label, layers in self._makers().items():
            if label not in frozen:
                grouped.setdefault(layers, []).append(label)
        return [Group(layers, np.array(labels)) for layers, labels in grouped.items()]

    def kept(self) -> dict[str, dict[str, int]]:
        """Why channels cannot be removed: for each reason the layers that make them, and how many of each."""
        frozen = self.labels.frozen()
        kept: dict[str, dict[str, int]] = {}
        for label, layers in self._makers().items():
            if frozen.get(label, NATURAL) != NATURAL:
                for layer in layers:
                    counts = kept.setdefault(frozen[label], {})
                    counts[layer] = counts.get(layer, 0) + 1
        return kept

    def _makers(self) -> dict[int, tuple[str, ...]]:
        """The layers that make each class of channels."""
        makers: dict[int, dict[str, None]] = {}
        for call in self.calls:
            if type(call.layer).__name__ in CONVOLUTIONS:
                for label in self.root(call.output):
                    makers.setdefault(int(label), {})[call.layer.name] = None
        return {label: tuple(layers) for label, layers in makers.items()}

    def _follow(self, node: Any) -> None:

        layer, kind, inputs = node.layer, type(node.layer).__name__, list(node.keras_inputs)
        outputs = list(node.outputs) if isinstance(node.outputs, (list, tuple)) else [node.outputs]
        labels, constants = ([self._known[id(t)][n] for t in inputs] for n in (0, 1))
        handler = self._handler(kind, layer, inputs, outputs)
        if handler is None or len(outputs) != 1:
            why = f"{kind}{' with groups' if getattr(layer, 'groups', 1) > 1 else ''} is not taken apart"
            for read in labels:
                self.labels.freeze(read, why)
            for tensor in outputs:
                self._put_unknown(tensor, why)
            return
        output, constant = handler(node, labels, constants)
        self._known[id(outputs[0])] = output, constant
        self.calls.append(Call(layer, labels, output, constants))

    def _put_unknown(self, tensor: Any, why: str) -> None:
        import numpy as np

        labels = self.labels.fresh(_channels(tensor))
        self.labels.freeze(labels, why)
        self._known[id(tensor)] = labels, np.full(len(labels), np.nan)

    def _handler(self, kind: str, layer: Any, inputs: list[Any], outputs: list[Any]) -> Callable[..., Any] | None:
        """What follows the channels through a layer; None where nothing can."""
        if getattr(layer, "data_format", "channels_last") != "channels_last":
            return None
        if kind in CONVOLUTIONS:
            return self._mix if getattr(layer, "groups", 1) == 1 else None
        if kind in DEPTHWISE:
            return self._depthwise
        if kind == "BatchNormalization" or kind == "PReLU":
            last = len(inputs[0].shape) - 1
            return self._per_channel if kind == "PReLU" or list(layer.axis) == [last] else None
        if kind == "Activation" and not _by_element(layer.activation):
            return None
        if kind in PASSING | PADDING:
            return self._pass
        if kind in MERGING or (kind == "TFOpLambda" and layer.symbol in FUNCTIONS):
            return self._merge
        if kind == "Concatenate":
            return self._concatenate
        if kind in ("Flatten", "Reshape"):
            before, after = _channels(inputs[0]), _channels(outputs[0])
            return self._reshape if after % before == 0 else None
        return None

    def _mix(self, node: Any, labels: list[Any], constants: list[Any]) -> tuple[Any, Any]:
        """Every output channel reads every input channel; a layer that is shared reads the same ones everywhere."""
        layer = node.layer
        if id(layer) not in self._made:
            self._made[id(layer)] = self.labels.fresh(_channels(_one(node.outputs)))
        self._share(layer, labels)
        made = self._made[id(layer)]
        return made, self._activated(layer, made)

    def _depthwise(self, node: Any, labels: list[Any], constants: list[Any]) -> tuple[Any, Any]:
        import numpy as np

        self._share(node.layer, labels)
        output = np.repeat(labels[0], node.layer.depth_multiplier)
        return output, self._activated(node.layer, output)

    def _activated(self, layer: Any, labels: Any) -> Any:
        """What channels are whose weights are zero, after the layer's activation."""
        import numpy as np

        if not _by_element(layer.activation):
            self.labels.freeze(labels, f"{layer.name} combines them in its activation")
            return np.full(len(labels), np.nan)
        return _constant(lambda values: layer.activation(values[0]), [np.zeros(len(labels))])

    def _per_channel(self, node: Any, labels: list[Any], constants: list[Any]) -> tuple[Any, Any]:
        """The weights of a layer that keeps channels apart belong to the channel. Where a scale is among them, the
        channel is zero; without one its moving mean is taken for a weight, so that zero stays zero."""
        import numpy as np

        layer, [constant] = node.layer, constants
        self._share(layer, labels)
        if type(layer).__name__ == "PReLU":
            return labels[0], np.where(constant >= 0, constant, np.nan)
        deviation = np.sqrt(layer.moving_variance.numpy() + layer.epsilon)
        return labels[0], np.zeros(len(labels[0]), np.float32) if layer.scale else constant / deviation

    def _pass(self, node: Any, labels: list[Any], constants: list[Any]) -> tuple[Any, Any]:
        import numpy as np

        kind, [constant] = type(node.layer).__name__, constants
        if kind in PADDING:
            return labels[0], np.where(constant == 0, 0, np.nan)
        if kind == "Rescaling" and np.ndim(node.layer.scale) + np.ndim(node.layer.offset):
            self.labels.freeze(labels[0], f"{node.layer.name} has a scale or an offset for each")
        elementwise = kind in ("Activation", "ReLU", "LeakyReLU", "ELU", "ThresholdedReLU", "Rescaling")
        return labels[0], _constant(lambda values: node.layer.call(values[0]), constants) if elementwise else constant

    def _merge(self, node: Any, labels: list[Any], constants: list[Any]) -> tuple[Any, Any]:
        """Channel by channel; one channel is combined with all."""
        import numpy as np

        width = max(map(len, labels))
        wide = [n for n, label in enumerate(labels) if len(label) == width]
        for n, label in enumerate(labels):
            if n in wide:
                self.labels.unite(labels[wide[0]], label)
            else:
                self.labels.freeze(label, f"{node.layer.name} combines one channel with many")
        constants = [c if n in wide else np.full(len(c), np.nan) for n, c in enumerate(constants)]  # the others stay
        if type(node.layer).__name__ in MERGING:
            return labels[wide[0]], _constant(node.layer._merge_function, constants)

        def function(values: list[Any]) -> Any:
            tensors = {str(id(t)): [c] for t, c in zip(node.keras_inputs, values, strict=True)}
            args, kwargs = node.map_arguments(tensors)
            if any(np.ndim(a) and not any(a is c for c in values) for a in (*args, *kwargs.values())):
                self.labels.freeze(labels[wide[0]], f"{node.layer.name} has a constant for each")
                return np.nan
            return node.layer.call(*args, **kwargs)

        return labels[wide[0]], np.broadcast_to(_constant(function, constants), width)

    def _concatenate(self, node: Any, labels: list[Any], constants: list[Any]) -> tuple[Any, Any]:
        import numpy as np

        rank = len(_one(node.outputs).shape)
        if node.layer.axis % rank == rank - 1:
            return np.concatenate(labels), np.concatenate(constants)
        for label in labels[1:]:
            self.labels.unite(labels[0], label)
        same = np.all([c == constants[0] for c in constants], axis=0)
        return labels[0], np.where(same, constants[0], np.nan)

    def _reshape(self, node: Any, labels: list[Any], constants: list[Any]) -> tuple[Any, Any]:
        """Rows of channels side by side."""
        import numpy as np

        self._share(node.layer, labels)  # its shape is set once
        times = _channels(_one(node.outputs)) // len(labels[0])
        return np.tile(labels[0], times), np.tile(constants[0], times)

    def _check_constants(self) -> None:
        """Freezes channels that leave something behind which their readers cannot take into their bias."""
        import numpy as np

        seen: dict[int, Call] = {}
        for call in self.calls:
            layer, kind, constant = call.layer, type(call.layer).__name__, call.constants[0]
            if kind not in CONVOLUTIONS:
                continue
            first = seen.setdefault(id(layer), call).constants[0]
            # Where a layer pads, its border reads zeros beside the constant.
            inside = kind == "Dense" or (kind in ("Conv1D", "Conv2D", "Conv3D") and layer.padding == "valid")
            taken = ~np.isnan(constant) & inside & layer.use_bias | (constant == 0)
            self.labels.freeze(call.inputs[0][~taken], f"{layer.name} cannot take what they leave into its bias")
            other = f"{layer.name} reads them in several places, where they leave different constants"
            self.labels.freeze(call.inputs[0][taken & (constant != first)], other)

    def _share(self, layer: Any, labels: list[Any]) -> None:
        """A layer that stands in several places ties the channels that it reads together."""
        for call in self.calls:
            if call.layer is layer:
                self.labels.unite(call.inputs[0], labels[0])


def _one(outputs: Any) -> Any:
    return outputs[0] if isinstance(outputs, (list, tuple)) else outputs


def _channels(tensor: Any) -> int:
    return int(tensor.shape[-1] or 1) if len(tensor.shape) > 1 else 1


def _by_element(activation: Any) -> bool:
    return getattr(activation, "__name__", "?") not in ("softmax", "log_softmax", "?")


def _constant(function: Callable[[list[Any]], Any], constants: list[np.ndarray]) -> np.ndarray:
    """What a function that works element by element makes of constants; NaN where it depends on one that is NaN."""
    import numpy as np
    import tensorflow as tf

    tried = []
    for probe in PROBES:  # another for each input, so that differences are no constants
        values = [np.where(np.isnan(c), probe * (n + 2), c) for n, c in enumerate(constants)]
        tried.append(np.asarray(function([tf.constant(v, tf.float32) for v in values])))
    return np.where(np.all([t == tried[0] for t in tried], axis=0), tried[0], np.nan)
