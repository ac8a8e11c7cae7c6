"""All ways to quantize but plain int8: other widths, weights only, and mixed graphs, by `ai-edge-quantizer`.

That library executes on LiteRT, so that this runs in a process without TensorFlow. Ranges come from `calibrate_file`,
by our own methods, in a process with it.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.analyze.tensors import layer_name
from edgekit.config import nearest
from edgekit.errors import ModelError, RecipeError
from edgekit.flatbuffer.edit import objects, packed, ranges
from edgekit.flatbuffer.read import Graph, parse
from edgekit.quantize.integers import float_operators
from edgekit.recipe import Quantize
from edgekit.types import INTEGER

if TYPE_CHECKING:
    import numpy as np


def quantize_with_scheme(model: str, settings: Quantize, folder: str) -> str:
    """Quantizes a float `.tflite` as `settings.scheme` says and writes `model.tflite` to `folder`.

    Args:
      model: file with the range of each tensor, if activations become integers.

    Returns:
      which operators stayed in floating point against the scheme, where the recipe allows that; "" where none did.

    Raises:
      RecipeError: a pattern of layers fits none.
      ModelError: an operator has no integer form, or the model is one that the quantizer does not know.
    """
    from ai_edge_quantizer import quantizer

    content = Path(model).read_bytes()
    graph = parse(content, model)
    try:
        work = quantizer.Quantizer(_with_signatures(content), recipe(graph, settings))
        known = _statistics(content, graph) if work.need_calibration else None
        quantized = bytes(work.quantize(known).quantized_model)
    except (ValueError, RuntimeError, KeyError, NotImplementedError) as problem:
        said = " ".join(str(problem).split())[:200]
        raise ModelError(f"ai-edge-quantizer cannot make {settings.scheme} of the model: {said}") from problem
    (Path(folder) / INTEGER).write_bytes(quantized)
    if settings.scheme in ("dynamic", "weight-only", "float16"):
        return ""
    wanted = {f"({name.split(';')[0]})" for name in _outputs(graph, settings.float_layers, "float_layers")}
    left = [said for said in float_operators(parse(quantized, INTEGER)) if not any(said.endswith(w) for w in wanted)]
    if left and not settings.allow_float_ops:
        raise ModelError(
            f"quantization left {left[0]} in floating point: ai-edge-quantizer has no {settings.scheme} form of it; "
            "name its layer in recipe.quantize.float_layers, or --set recipe.quantize.allow_float_ops=true"
        )
    return f"left in floating point: {', '.join(left)}" if left else ""


def recipe(graph: Graph, settings: Quantize) -> Any:
    """A recipe of `ai-edge-quantizer`.

    Raises:
      RecipeError: a pattern of layers fits none.
    """
    from ai_edge_quantizer import algorithm_manager, qtyping, recipe_manager

    every, by_tensor = qtyping.TFLOperationName.ALL_SUPPORTED, qtyping.QuantGranularity.TENSORWISE
    granularity = by_tensor if settings.granularity == "tensor" else qtyping.QuantGranularity.CHANNELWISE
    rules, keep = recipe_manager.RecipeManager(), algorithm_manager.AlgorithmName.NO_QUANTIZE
    if settings.scheme == "dynamic":
        rules.add_dynamic_config(".*", every, num_bits=8, granularity=granularity)
        # tflite-runtime 2.14 takes the first channel's scale for all: wrong answers without a word.
        rules.add_dynamic_config(".*", qtyping.TFLOperationName.FULLY_CONNECTED, num_bits=8, granularity=by_tensor)
    elif settings.scheme == "weight-only":
        rules.add_weight_only_config(".*", every, num_bits=8, granularity=granularity)
    elif settings.scheme == "float16":
        half = qtyping.TensorQuantizationConfig(num_bits=16, dtype=qtyping.TensorDataType.FLOAT)
        cast = qtyping.OpQuantizationConfig(
            weight_tensor_config=half, compute_precision=qtyping.ComputePrecision.FLOAT, explicit_dequantize=True
        )
        name = qtyping.TFLOperationName
        for kind in (name.CONV_2D, name.DEPTHWISE_CONV_2D, name.CONV_2D_TRANSPOSE, name.FULLY_CONNECTED):
            rules.add_quantization_config(
                ".*", kind, op_config=cast, algorithm_key=algorithm_manager.AlgorithmName.FLOAT_CASTING
            )
    else:
        wide, narrow = 16 if settings.scheme == "int16x8" else 8, 4 if settings.scheme == "int4" else 8
        rules.add_static_config(".*", every, wide, narrow, granularity)
        for name in _outputs(graph, settings.int16_layers, "int16_layers"):
            rules.add_static_config(re.escape(name), every, 16, narrow, granularity)
        if settings.io == "float32":
            for end in (qtyping.TFLOperationName.INPUT, qtyping.TFLOperationName.OUTPUT):
                rules.add_quantization_config(".*", end, algorithm_key=keep)
    for name in _outputs(graph, settings.float_layers, "float_layers"):
        rules.add_quantization_config(re.escape(name), every, algorithm_key=keep)
    return rules.get_quantization_recipe()


def _outputs(graph: Graph, patterns: tuple[str, ...], place: str) -> list[str]:
    """The tensors that the operators of some layers make."""
    layers = {op.outputs[0]: layer_name(op, graph) for op in graph.operators if op.outputs and not op.subgraph}
    for pattern in patterns:
        if not any(fnmatchcase(layer, pattern) for layer in layers.values()):
            raise RecipeError(
                f'recipe.quantize.{place}: no layer of the graph matches "{pattern}"; '
                f"{nearest(pattern, sorted(set(layers.values())))}"
            )
    return [
        graph.tensors[i].name for i, layer in layers.items() if any(fnmatchcase(layer, pattern) for pattern in patterns)
    ]


def _with_signatures(content: bytes) -> bytes:
    """The same model with an empty list of signatures: without one `ai-edge-quantizer` cannot change inputs."""
    model = objects(content)
    model.signatureDefs = model.signatureDefs or []
    return packed(model)


def _statistics(content: bytes, graph: Graph) -> dict[str, dict[str, np.ndarray]]:
    """Ranges as `ai-edge-quantizer` takes them."""
    import numpy as np

    return {
        graph.tensors[index].name: {
            word: np.full((1,) * len(graph.tensors[index].shape), value, np.float32)
            for word, value in zip(("min", "max"), ends, strict=True)
        }
        for index, ends in ranges(content).items()
    }
