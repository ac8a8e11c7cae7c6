"""A Keras model that computes as its int8 form will: weights and activations rounded, with gradients passed through."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from edgekit.quantize.ranges import Counting, Range, choose
from edgekit.quantize.settings import Quantize

if TYPE_CHECKING:
    import numpy as np

WEIGHTS: dict[str, dict[str, tuple[int, ...]]] = {
    **{kind: {"kernel": (-1,)} for kind in ("Dense", "Conv1D", "Conv2D", "Conv3D")},
    **{f"Conv{n}DTranspose": {"kernel": (-2,)} for n in (1, 2, 3)},
    **{f"DepthwiseConv{n}D": {"depthwise_kernel": (-2, -1)} for n in (1, 2)},
    **{f"SeparableConv{n}D": {"depthwise_kernel": (-2, -1), "pointwise_kernel": (-1,)} for n in (1, 2)},
}
"""Layers with weights that are rounded: which, and along which axes each index has a scale of its own."""
MAKING = frozenset(
    "BatchNormalization Rescaling Normalization ReLU LeakyReLU ELU PReLU ThresholdedReLU Softmax Activation "
    "Add Subtract Multiply Average Maximum Minimum Concatenate Dot GlobalAveragePooling1D GlobalAveragePooling2D "
    "GlobalAveragePooling3D UpSampling2D".split()
)
"""Layers without such weights, whose output has a range of its own."""
PASSING = frozenset(
    "InputLayer Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D GaussianNoise GaussianDropout AlphaDropout "
    "ActivityRegularization Flatten Reshape Permute RepeatVector Masking MaxPooling1D MaxPooling2D MaxPooling3D "
    "AveragePooling1D AveragePooling2D AveragePooling3D GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D "
    "ZeroPadding1D ZeroPadding2D ZeroPadding3D Cropping1D Cropping2D Cropping3D UpSampling1D UpSampling3D".split()
)
"""Layers that are not there in an int8 file, or hand on what they read in the range that it has."""
FUSED = ("linear", "relu", "relu6")
"""Activations that are computed before a layer's output is rounded."""
BATCH = 32


def rounds(layer: Any) -> bool:
    """Whether the rounding of a `tf_keras` layer can be simulated, or it has none."""
    kind = type(layer).__name__
    return type(layer).__module__.startswith("tf_keras.") and (kind in PASSING or kind in MAKING or kind in WEIGHTS)


class Simulated:
    """A model with simulated int8 arithmetic, and the ranges of its activations.

    Args:
      model: functional `tf_keras.Model`; the simulation trains its weights, which both share.
      settings: how ranges follow from values, and whether each channel's weights have a scale.
    """

    def __init__(self, model: Any, settings: Quantize) -> None:
        import tf_keras

        self._settings = settings
        self._ranges: dict[str, tuple[Any, Any]] = {}
        """By place in the model, the ends of the range, as variables."""
        self._seen: Any = None
        """While ranges are measured: what is called with a place and the values there, which then are not rounded."""
        fused = {layer.name for layer in model.layers if _is_fused(layer, model)}
        self.model = tf_keras.models.clone_model(
            model, clone_function=lambda layer: self._wrapped(layer, layer.name not in fused)
        )

    def calibrate(self, samples: list[np.ndarray]) -> None:
        """Sets the ranges to those of some samples, computed without rounding.

        Args:
          samples: calibration set, for each input (N, *shape without batch), as the model takes it.
        """
        found: dict[str, Range] = {}

        def extremes(place: str, values: np.ndarray) -> None:
            low, high = found.get(place, (0.0, 0.0))
            found[place] = min(low, float(values.min())), max(high, float(values.max()))

        self._see(samples, extremes)
        if self._settings.calibration != "minmax":
            counting = {place: Counting(*limits) for place, limits in found.items()}

            def count(place: str, values: np.ndarray) -> None:
                for row in values:
                    counting[place].add(row)

            self._see(samples, count)
            found = {place: choose(one.spread(), self._settings) for place, one in counting.items()}
        for place, limits in found.items():
            for end, value in zip(self._ranges[place], limits, strict=True):
                end.assign(value)

    def float_outputs(self, samples: list[np.ndarray]) -> list[np.ndarray]:
        """What the model computes without rounding, each (N, …): the same as before it was taken over."""
        return self._see(samples, lambda place, values: None)

    def _see(self, samples: list[np.ndarray], seen: Any) -> list[np.ndarray]:
        import numpy as np
        import tensorflow as tf

        rows = []
        self._seen = seen
        try:
            for start in range(0, len(samples[0]), BATCH):
                batch = [tf.constant(x[start : start + BATCH]) for x in samples]
                rows.append(tf.nest.flatten(self.model(batch if len(batch) > 1 else batch[0], training=False)))
        finally:
            self._seen = None
        return [np.concatenate([np.asarray(tensor) for tensor in parts]) for parts in zip(*rows, strict=True)]

    def _rounded(self, place: str, values: Any) -> Any:
        import numpy as np
        import tensorflow as tf

        if self._seen:
            self._seen(place, np.asarray(values, np.float32))
            return values
        low, high = self._ranges[place]
        empty = tf.equal(low, high)  # nothing but zeros was seen there
        return tf.quantization.fake_quant_with_min_max_vars(values, low, tf.where(empty, low + 1.0, high))

    def _rounded_weights(self, weights: Any, axes: tuple[int, ...]) -> Any:
        """Symmetric, from -127 to 127, as the TensorFlow Lite 8-bit quantization specification has it."""
        import tensorflow as tf

        if self._seen:
            return weights
        own = {axis % weights.shape.rank for axis in axes} if self._settings.granularity == "channel" else set()
        others = [axis for axis in range(weights.shape.rank) if axis not in own]
        step = tf.reduce_max(tf.abs(weights), axis=others, keepdims=True) / 127
        rounded = tf.round(tf.math.divide_no_nan(weights, step)) * step
        return weights + tf.stop_gradient(rounded - weights)  # the gradient goes to the weights themselves

    def _wrapped(self, layer: Any, makes: bool) -> Any:
        """A layer that computes as the given one, rounded.

        Args:
          makes: whether its output is a tensor of the int8 file.
        """
        import tf_keras

        kind = type(layer).__name__
        if not rounds(layer) or kind in PASSING:
            return layer
        parent, weights = self, WEIGHTS.get(kind, {})
        activation: Any = getattr(layer, "activation", None)
        inner = makes and _named(activation) not in FUSED and activation is not None and bool(weights)
        trains = layer._expects_training_arg and kind != "BatchNormalization"  # whose statistics stay as they are

        class Rounded(tf_keras.layers.Wrapper):
            def __init__(self) -> None:
                super().__init__(layer, name=layer.name)
                self.supports_masking = layer.supports_masking
                for place in (["before"] if inner else []) + (["after"] if makes else []):
                    ends = [self.add_weight(f"{place}_{end}", (), initializer="zeros", trainable=False) for end in "lh"]
                    parent._ranges[f"{layer.name}/{place}"] = ends[0], ends[1]

            def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
                changed = {name: parent._rounded_weights(getattr(layer, name), a) for name, a in weights.items()}
                if inner:
                    changed["activation"] = lambda x: activation(parent._rounded(f"{layer.name}/before", x))
                given = {"training": training} if trains else {}
                given |= {"mask": mask} if layer._expects_mask_arg else {}
                with _replaced(layer, changed):
                    made = layer.call(inputs, **given)
                return parent._rounded(f"{layer.name}/after", made) if makes else made

            def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
                return layer.compute_mask(inputs, mask)

        return Rounded()


@contextmanager
def _replaced(layer: Any, attributes: dict[str, Any]) -> Iterator[None]:
    """Attributes of a layer as others for a while, past Keras, which would take the layer's variables from it."""
    held = {name: vars(layer)[name] for name in attributes}
    vars(layer).update(attributes)
    try:
        yield
    finally:
        vars(layer).update(held)


def _is_fused(layer: Any, model: Any) -> bool:
    """Whether a layer's output is no tensor of the int8 file, because the one layer that reads it is computed with it:
    a BatchNormalization after a convolution, a ReLU."""
    nodes = {id(node) for group in model._nodes_by_depth.values() for node in group}
    readers = [node.layer for node in layer._outbound_nodes if id(node) in nodes]
    ends = any(tensor._keras_history.layer is layer for tensor in model.outputs)
    if len(readers) != 1 or ends or _named(getattr(layer, "activation", None)) not in ("linear", "None"):
        return False
    [reader], kind = readers, type(layer).__name__
    if type(reader).__name__ == "BatchNormalization":
        return kind in WEIGHTS
    relu = type(reader).__name__ == "ReLU" and not reader.negative_slope and not reader.threshold
    relu = relu and reader.max_value in (None, 6)
    relu = relu or (type(reader).__name__ == "Activation" and _named(reader.activation) in ("relu", "relu6"))
    return relu and kind in (*WEIGHTS, "BatchNormalization", "Add", "Subtract", "Multiply")


def _named(activation: Any) -> str:
    return str(getattr(activation, "__name__", activation))
