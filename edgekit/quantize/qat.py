"""Quantization-aware training: the model learns with the rounding of int8 in its forward pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgekit.compress.fine_tune import Progress, fine_tune
from edgekit.compress.layers import flat, flattened, kernels
from edgekit.compress.lesson import Lesson, lesson
from edgekit.data.samples import calibration, prepared, read
from edgekit.data.spec import DataSpec
from edgekit.errors import ModelError
from edgekit.flatbuffer.read import parse
from edgekit.model.custom import custom_scope
from edgekit.model.read import open_keras, save
from edgekit.quantize.convert import convert
from edgekit.quantize.function import keras_function, reason
from edgekit.quantize.int8 import quantize_whole
from edgekit.quantize.integers import float_operators
from edgekit.recipe import Distil, Qat, Quantize
from edgekit.types import INTEGER, KERAS, Trained

FEW = 256
"""A kernel of no more different values than this, and than a quarter of its size, is clustered."""


def qat_file(
    model: str,
    data: DataSpec,
    settings: Qat,
    seed: int,
    custom_objects: str,
    answers: str | None,
    quantize: Quantize,
    folder: str,
    progress: Progress,
    distil: Distil | None = None,
) -> Trained:
    """Trains the model in a file and writes it to `folder`: as int8 `.tflite`, and as Keras model with plain layers.

    Raises:
      ModelError: the result is not integer throughout.
    """
    loaded = flattened(open_keras(model, custom_objects))
    dataset = read(data)
    with custom_scope(custom_objects):
        taught = lesson(loaded, dataset.train, data, answers, distil)
        trained, notes = train(loaded, prepared(dataset.train, data), taught, settings, seed, progress)
        plain = plain_model(loaded, trained)
    content = to_integers(trained, quantize)
    if left := float_operators(parse(content, INTEGER)):
        # What training left out has no ranges yet: calibration finds those of all tensors.
        samples = calibration(dataset, quantize.calibration_samples, data)
        content, left = quantize_whole(convert(plain), samples, quantize)
        notes.append("activation ranges are those of calibration, because some layers were not trained with rounding")
    if left and not quantize.allow_float_ops:
        raise ModelError(
            f"quantization left {left[0]} in floating point: TensorFlow Lite has no int8 form of it; replace the "
            "layer or its activation, or --set recipe.quantize.allow_float_ops=true"
        )
    save(plain, Path(folder) / KERAS)
    (Path(folder) / INTEGER).write_bytes(content)
    return Trained(tuple(notes))


def train(
    model: Any, x: list[Any], taught: Lesson, settings: Qat, seed: int, progress: Progress
) -> tuple[Any, list[str]]:
    """Trains a copy of a model with simulated int8 weights (per channel) and activations (per tensor).

    Zeros of pruning and the values of clustering are kept. What TFMOT cannot wrap is left in floating point while
    the model trains: layers without a rule, and a BatchNormalization that no convolution absorbs.

    Args:
      model: `tf_keras.Model` without nested models; it stays as it is.
      x: prepared training samples, for each input (N, …).

    Returns:
      the model with TFMOT's wrappers, and what was left out or kept.

    Source: Jacob et al. 2018, section 3; TFMOT's `quantize_apply` and its schemes that preserve sparsity and clusters.
    """
    import tf_keras
    from tensorflow_model_optimization.python.core.quantization.keras import quantize as tfmot

    tf_keras.utils.set_random_seed(seed)
    left = {layer.name for layer in model.layers if not _wrappable(layer, model)}
    while True:
        copy = tf_keras.models.clone_model(model)
        copy.set_weights(model.get_weights())

        def annotated(layer: Any, left: set[str] = left) -> Any:
            wraps = layer.name not in left and type(layer).__name__ != "InputLayer"
            return tfmot.quantize_annotate_layer(layer) if wraps else layer

        scheme, kept = _scheme(model)
        try:
            with tfmot.quantize_scope():
                trained = tfmot.quantize_apply(tf_keras.models.clone_model(copy, clone_function=annotated), scheme)
            break
        except (RuntimeError, ValueError) as problem:
            more = {layer.name for layer in model.layers if layer.name in str(problem)} - left
            if not more:
                raise ModelError(f"TFMOT cannot train the model with rounding: {reason(str(problem))}") from problem
            left = left | more
    notes = [kept] if kept else []
    if named := [layer.name for layer in model.layers if layer.name in left and (layer.weights or _computes(layer))]:
        notes.append(f"trained without rounding, because TFMOT has no rule for them: {', '.join(named)}")
    fine_tune(trained, x, taught, settings, seed, progress)
    return trained, notes


def to_integers(trained: Any, settings: Quantize) -> bytes:
    """A model with TFMOT's wrappers as `.tflite`, with the ranges that it learned.

    Raises:
      ModelError: TensorFlow cannot convert it.
    """
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_concrete_functions([keras_function(trained)])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.inference_input_type = converter.inference_output_type = tf.dtypes.as_dtype(settings.io)
    converter.exclude_conversion_metadata = True
    try:
        return bytes(converter.convert())
    except Exception as problem:
        raise ModelError(f"TensorFlow cannot convert the trained model: {reason(str(problem))}") from problem


def plain_model(model: Any, trained: Any) -> Any:
    """The model as it was, with the weights that were trained.

    Raises:
      ModelError: a layer was taken apart by TFMOT, so that its weights cannot be found.
    """
    import tf_keras

    plain = tf_keras.models.clone_model(model)
    plain.set_weights(model.get_weights())
    learned = {}
    for wrapper in trained.layers:
        inner = getattr(wrapper, "layer", wrapper)
        learned.update({(inner.name, _name(w)): w for w in inner.weights})
    for layer in plain.layers:
        for weight in layer.weights:
            found = learned.get((layer.name, _name(weight)))
            if found is None:
                found = _of_separable(layer, _name(weight), learned)
            if found is not None and found.shape == weight.shape:
                weight.assign(found)
    return plain


def _of_separable(layer: Any, name: str, learned: dict[tuple[str, str], Any]) -> Any:
    """TFMOT splits a separable convolution into two layers, named after it."""
    if not type(layer).__name__.startswith("Separable"):
        return None
    part = {"depthwise_kernel": "depthwise_kernel", "pointwise_kernel": "kernel", "bias": "bias"}[name]
    for (other, weight), found in learned.items():
        if other.startswith(layer.name) and other != layer.name and weight == part:
            return found
    return None


def _scheme(model: Any) -> tuple[Any, str]:
    """TFMOT's way to round that keeps what earlier stages did, and a note of what it keeps."""
    import numpy as np
    from tensorflow_model_optimization.python.core.quantization.keras.collab_opts import (
        cluster_preserve,
        prune_preserve,
    )
    from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import default_8bit_quantize_scheme

    weights = [w.numpy() for layer in flat(model) for w in kernels(layer)]
    pruned = any(np.mean(w == 0) > 0.1 for w in weights)
    clustered = any(len(np.unique(w)) <= min(FEW, w.size // 4) for w in weights)
    if clustered:
        scheme = cluster_preserve.default_8bit_cluster_preserve_quantize_scheme
        said = "clusters and zeros" if pruned else "clusters"
        return scheme.Default8BitClusterPreserveQuantizeScheme(pruned), f"kept {said}"
    if pruned:
        scheme = prune_preserve.default_8bit_prune_preserve_quantize_scheme
        return scheme.Default8BitPrunePreserveQuantizeScheme(), "kept zeros"
    return default_8bit_quantize_scheme.Default8BitQuantizeScheme(), ""


def _wrappable(layer: Any, model: Any) -> bool:
    """Whether TFMOT has a rule for a layer where it stands."""
    from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import default_8bit_quantize_registry

    if type(layer).__name__ == "BatchNormalization":
        [node] = layer.inbound_nodes[:1]
        return all(
            type(parent).__name__ in ("Conv2D", "DepthwiseConv2D") and len(parent.outbound_nodes) == 1
            for parent, _, _, _ in node.iterate_inbound()
        )
    try:
        return bool(default_8bit_quantize_registry.Default8BitQuantizeRegistry().supports(layer))
    except (ValueError, AttributeError):
        return False


def _computes(layer: Any) -> bool:
    return type(layer).__name__ not in ("InputLayer", "Dropout", "Flatten", "Reshape")


def _name(weight: Any) -> str:
    return str(weight.name.split("/")[-1].split(":")[0])
