"""Bytes of a `.tflite` that no output depends on, left out; what is not known here is carried over."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from edgekit.flatbuffer.associated import IDLE_METADATA
from edgekit.flatbuffer.dead_channels import harvested
from edgekit.flatbuffer.edit import move_inside, objects, packed
from edgekit.flatbuffer.idle import without_idle_operators


def dieted(content: bytes, keep_names: bool = False, harvest: bool = True) -> bytes:
    """The file alone; see `strip`."""
    return strip(content, keep_names, harvest)[0]


def strip(content: bytes, keep_names: bool = False, harvest: bool = True) -> tuple[bytes, tuple[str, ...]]:
    """The same model without inner names, statistics, reshapes that do nothing, and what nothing refers to.

    Equal tables, vectors and buffers are stored once, and every buffer lies at a multiple of 16 bytes.

    Args:
      content: a file that `edgekit.flatbuffer.read` accepts, below 2 GiB.
      keep_names: leave the names of inner tensors, for debugging.
      harvest: take out channels that compute a constant, too.

    Returns:
      the file, and the names of all its tensors; empty where the file has them.
    """
    model = objects(content)
    move_inside(model, content)
    if harvest:
        harvested(model)
    without_idle_operators(model)
    model.description = None
    model.metadata = [m for m in model.metadata or [] if m.name not in IDLE_METADATA] or None
    names, dropped = [], False
    for number, graph in enumerate(model.subgraphs):
        _drop_tensors(model, number, graph)
        named = _ends(model, number, graph)
        for index, tensor in enumerate(graph.tensors):
            names.append((tensor.name or b"").decode("utf-8", "replace"))
            if index not in named and not keep_names:
                dropped = dropped or bool(tensor.name)
                tensor.name = None
            _slim(tensor)
        for operator in graph.operators:
            for field in ("intermediates", "mutatingVariableInputs"):
                if _empty(getattr(operator, field)):
                    setattr(operator, field, None)
            operator.inputs, operator.outputs = map(_vector, (operator.inputs, operator.outputs))
        graph.inputs, graph.outputs = map(_vector, (graph.inputs, graph.outputs))
        if not keep_names and len(model.subgraphs) == 1:
            graph.name = None
    _drop_codes(model)
    _share_buffers(model)
    return packed(model, share=True), tuple(names) if dropped else ()


def _ends(model: Any, number: int, graph: Any) -> set[int]:
    """The tensors whose names somebody may ask for: inputs, outputs, and what signatures name."""
    ends = {*_listed(graph.inputs), *_listed(graph.outputs)}
    for signature in model.signatureDefs or []:
        if signature.subgraphIndex == number:
            ends |= {part.tensorIndex for part in (*(signature.inputs or []), *(signature.outputs or []))}
    return ends


def _drop_tensors(model: Any, number: int, graph: Any) -> None:
    """Tensors that no operator, end or signature refers to; the others close ranks."""
    used = _ends(model, number, graph)
    for operator in graph.operators or []:
        for field in ("inputs", "outputs", "intermediates"):
            used |= {i for i in _listed(getattr(operator, field)) if i >= 0}
    if len(used) == len(graph.tensors):
        return
    place = {old: new for new, old in enumerate(sorted(used))}
    graph.tensors = [graph.tensors[old] for old in sorted(used)]
    graph.inputs, graph.outputs = (_moved(ends, place) for ends in (graph.inputs, graph.outputs))
    for operator in graph.operators or []:
        for field in ("inputs", "outputs", "intermediates"):
            if getattr(operator, field) is not None:
                setattr(operator, field, _moved(getattr(operator, field), place))
    for signature in model.signatureDefs or []:
        if signature.subgraphIndex == number:
            for part in (*(signature.inputs or []), *(signature.outputs or [])):
                part.tensorIndex = place[part.tensorIndex]


def _slim(tensor: Any) -> None:
    """Statistics of calibration, and settings that say what their absence says too."""
    if _empty(tensor.shapeSignature) or list(tensor.shapeSignature) == _listed(tensor.shape):
        tensor.shapeSignature = None
    quantization = tensor.quantization
    if quantization is None:
        return
    quantization.min = quantization.max = None
    if _empty(quantization.scale) and _empty(quantization.zeroPoint) and quantization.details is None:
        tensor.quantization = None


def _drop_codes(model: Any) -> None:
    """Operator codes that no operator has."""
    used = sorted({op.opcodeIndex for graph in model.subgraphs for op in graph.operators or []})
    place = {old: new for new, old in enumerate(used)}
    model.operatorCodes = [model.operatorCodes[old] for old in used]
    for graph in model.subgraphs:
        for operator in graph.operators or []:
            operator.opcodeIndex = place[operator.opcodeIndex]


def _share_buffers(model: Any) -> None:
    """One buffer for equal constants, none for what nothing reads. Buffer 0 is empty by convention; variables have
    none of their own, so that sharing an empty one is safe."""
    import numpy as np

    kept, place = [model.buffers[0]], {0: 0}
    known: dict[bytes, int] = {}
    owners: list[Any] = [tensor for graph in model.subgraphs for tensor in graph.tensors]
    for owner in (*owners, *(model.metadata or [])):
        old = owner.buffer
        if old not in place:
            data = model.buffers[old].data
            content = b"" if _empty(data) else np.asarray(data, np.uint8).tobytes()
            if not content:
                place[old] = 0
            elif content in known:
                place[old] = known[content]
            else:
                place[old] = known[content] = len(kept)
                kept.append(model.buffers[old])
        owner.buffer = place[old]
    model.buffers = kept


def _listed(indices: Any) -> list[int]:
    return [] if indices is None else [int(i) for i in indices]


def _moved(indices: Iterable[int], place: dict[int, int]) -> list[int]:
    return [int(i) if i < 0 else place[int(i)] for i in indices]


def _vector(indices: Any) -> Any:
    """As an array, for only those are shared."""
    import numpy as np

    return None if indices is None else np.asarray(indices, np.int32)


def _empty(vector: Any) -> bool:
    return vector is None or len(vector) == 0
