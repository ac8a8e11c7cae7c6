"""All ways to quantize but plain int8: other widths, weights only, and mixed graphs, by `ai-edge-quantizer`.

That library executes on LiteRT, so that this runs in a process without TensorFlow. Ranges come from `calibrate_file`,
by our own methods, in a process with it.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.config import nearest
from edgekit.engine.libraries import QUANTIZER, READING
from edgekit.engine.stage import Work, stage
from edgekit.errors import ModelError, RecipeError
from edgekit.flatbuffer.edit import objects, packed, ranges
from edgekit.flatbuffer.names import layer_name
from edgekit.flatbuffer.read import Graph, Operator, parse_graph
from edgekit.quantize.integers import described, in_float, made
from edgekit.quantize.pooling import with_pooling
from edgekit.quantize.repair import repaired
from edgekit.quantize.settings import Quantize
from edgekit.types import INTEGER, Artifact

if TYPE_CHECKING:
    import numpy as np


@stage("quantize", process=QUANTIZER, libraries=("ai-edge-quantizer", *READING))
def quantize_with_scheme(work: Work, model: Artifact, settings: Quantize) -> str:
    """Quantizes a float `.tflite` as `settings.scheme` says and writes `model.tflite` to `folder`.

    Args:
      model: file with the range of each tensor, if activations become integers.

    Returns:
      which operators stayed in floating point, or have wider weights, against the scheme; "" where none did.

    Raises:
      RecipeError: a pattern of layers fits none.
      ModelError: an operator has no integer form, or the model is one that the quantizer does not know.
    """
    from ai_edge_quantizer import quantizer

    content = Path(model.path).read_bytes()
    content = with_pooling(content) if settings.static else content
    graph = parse_graph(content, model.path)
    try:
        tool = quantizer.Quantizer(_with_signatures(content), recipe(graph, settings))
        known = _statistics(content, graph) if tool.need_calibration else None
        quantized = bytes(tool.quantize(known).quantized_model)
    except (ValueError, RuntimeError, KeyError, NotImplementedError) as problem:
        said = " ".join(str(problem).split())[:200]
        raise ModelError(f"ai-edge-quantizer cannot make {settings.scheme} of the model: {said}") from problem
    quantized = repaired(quantized, content)
    (work.folder / INTEGER).write_bytes(quantized)
    return _left(parse_graph(quantized, INTEGER), graph, settings)


def _left(quantized: Graph, source: Graph, settings: Quantize) -> str:
    """What is not as the scheme says, though no setting asks for that.

    Raises:
      ModelError: an operator computes in floating point.
    """
    wanted = set(_outputs(source, settings.float_layers, "float_layers"))
    rest = [operator for operator in quantized.operators if made(operator, quantized) not in wanted]
    if not settings.static:
        return _note("with float32 weights", [op for op in rest if _reads(op, quantized, "float32")], quantized)
    floats = [operator for operator in rest if in_float(operator, quantized)]
    if floats and not settings.allow_float_ops:
        names, made_by = (
            {made(op, source): layer_name(op, source) for op in source.operators},
            made(floats[0], quantized),
        )
        raise ModelError(
            f"quantization left {described(floats[0], quantized)} in floating point: ai-edge-quantizer has no "
            f"{settings.scheme} form of it; name its layer in recipe.quantize.float_layers, "
            f'"{names.get(made_by, made_by)}", or --set recipe.quantize.allow_float_ops=true'
        )
    wide = [op for op in rest if settings.scheme == "int4" and _reads(op, quantized, "int8")]
    notes = _note("left in floating point", floats, quantized), _note("with weights of eight bits", wide, quantized)
    return "; ".join(filter(None, notes))


def _reads(operator: Operator, graph: Graph, dtype: str) -> bool:
    """Whether an operator multiplies by constants of a type."""
    tensors = [graph.tensors[i] for i in operator.inputs if i >= 0]
    return operator.macs > 0 and any(t.bytes > 0 and t.dtype == dtype and len(t.shape) > 1 for t in tensors)


def _note(what: str, operators: list[Operator], graph: Graph) -> str:
    return f"{what}: {', '.join(described(op, graph) for op in operators)}" if operators else ""


def recipe(graph: Graph, settings: Quantize) -> Any:
    """A recipe of `ai-edge-quantizer`.

    Raises:
      RecipeError: a pattern of layers fits none.
    """
    from ai_edge_quantizer import algorithm_manager, qtyping, recipe_manager

    if settings.int16_layers and not settings.static:
        raise RecipeError(
            f'recipe.quantize.int16_layers: scheme = "{settings.scheme}" computes in floating point; remove the '
            'layers, or choose "int8"'
        )
    name, by_tensor = qtyping.TFLOperationName, qtyping.QuantGranularity.TENSORWISE
    granularity = by_tensor if settings.granularity == "tensor" else qtyping.QuantGranularity.CHANNELWISE
    rules, keep = recipe_manager.RecipeManager(), algorithm_manager.AlgorithmName.NO_QUANTIZE
    every = name.ALL_SUPPORTED

    def static(where: str, activations: int) -> None:
        rules.add_static_config(where, every, activations, 8, granularity)
        if settings.scheme == "int4":
            for kind in (name.CONV_2D, name.FULLY_CONNECTED):  # the others have no kernels for four bits
                rules.add_static_config(where, kind, activations, 4, granularity)

    if settings.scheme == "dynamic":
        rules.add_dynamic_config(".*", every, 8, granularity)
        # tflite-runtime 2.14 takes the first channel's scale for all: wrong answers without a word;
        rules.add_dynamic_config(".*", name.FULLY_CONNECTED, 8, by_tensor)
        # and has no kernel for this one.
        rules.add_weight_only_config(".*", name.CONV_2D_TRANSPOSE, 8, granularity)
    elif settings.scheme == "weight-only":
        rules.add_weight_only_config(".*", every, 8, granularity)
    elif settings.scheme == "float16":
        casting = algorithm_manager.AlgorithmName.FLOAT_CASTING
        for kind in (name.CONV_2D, name.DEPTHWISE_CONV_2D, name.CONV_2D_TRANSPOSE, name.FULLY_CONNECTED):
            rules.add_weight_only_config(".*", kind, 16, granularity=by_tensor, algorithm_key=casting)
    else:
        static(".*", 16 if settings.scheme == "int16x8" else 8)
        for tensor in _outputs(graph, settings.int16_layers, "int16_layers"):
            static(_exactly(tensor), 16)
        if settings.io == "float32":
            for end in (name.INPUT, name.OUTPUT):
                rules.add_quantization_config(".*", end, algorithm_key=keep)
    for tensor in _outputs(graph, settings.float_layers, "float_layers"):
        rules.add_quantization_config(_exactly(tensor), every, algorithm_key=keep)
    return rules.get_quantization_recipe()


def _exactly(tensor: str) -> str:
    """A pattern for one operator by the tensor that it makes; the library searches in names that end in `;`."""
    return f"^{re.escape(tensor)};"


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
