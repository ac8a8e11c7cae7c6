"""Detectors that end in `TFLite_Detection_PostProcess`: boxes are decoded and thinned out there, in floating point."""

from __future__ import annotations

from edgekit.errors import ModelError
from edgekit.flatbuffer.edit import move_inside, objects, packed
from edgekit.flatbuffer.read import Graph, parse_graph
from edgekit.flatbuffer.schema import kind_of

DETECTION = "TFLite_Detection_PostProcess"
"""The custom operator: encoded boxes, scores of classes and anchors into the detections."""
ENDS = (b"box_encodings", b"class_predictions")
"""What TensorFlow's exporter of detectors calls its first two inputs."""


def detects(graph: Graph) -> bool:
    """Whether a model ends so: all that it gives comes from the operator."""
    last = graph.operators[-1] if graph.operators else None
    return last is not None and last.custom and last.name == DETECTION and len(last.inputs) == 3


def with_detections(content: bytes) -> bytes:
    """A detector whose outputs are in the operator's order, of its shapes, and called what the signature calls them.

    A SavedModel says of them only what its stand-in for the operator makes.

    Source: tensorflow/lite/kernels/detection_postprocess.cc: boxes, classes, scores, and how many there are.

    Args:
      content: that TensorFlow's converter made, by way of a SavedModel.

    Raises:
      ModelError: its outputs are not those of the operator.
    """
    import numpy as np
    from flatbuffers import flexbuffers

    found = parse_graph(content, "the model")
    last = found.operators[-1] if found.operators else None
    model = objects(content)
    move_inside(model, content)
    graph = model.subgraphs[0]
    if last is None or last.name != DETECTION or sorted(map(int, graph.outputs)) != sorted(last.outputs):
        raise ModelError(f"its outputs are not all those of {DETECTION}; export the detector as it was trained")
    options = flexbuffers.GetRoot(bytearray(graph.operators[-1].customOptions)).AsMap
    count = options["max_detections"].AsInt * options["max_classes_per_detection"].AsInt
    graph.outputs = list(last.outputs)
    for index, shape in zip(last.outputs, ([1, count, 4], [1, count], [1, count], [1]), strict=False):
        graph.tensors[index].shape, graph.tensors[index].shapeSignature = np.asarray(shape, np.int32), None
    for signature in model.signatureDefs or []:
        for part in (*signature.inputs, *signature.outputs):
            graph.tensors[part.tensorIndex].name = part.name
    return packed(model)


def with_float_detections(content: bytes) -> bytes:
    """A detector whose detections are no longer quantized behind the operator that makes them: coordinates, numbers of
    classes and a count have no step in common with scores, and integers of 8 bits lose them.

    Args:
      content: any model.
    """
    graph = parse_graph(content, "the model")
    if not any(operator.custom and operator.name == DETECTION for operator in graph.operators):
        return content
    makers = {index: number for number, operator in enumerate(graph.operators) for index in operator.outputs}
    real: dict[int, int] = {}
    for number, operator in enumerate(graph.operators):
        source = operator.inputs[0] if operator.inputs else -1
        before = graph.operators[makers[source]] if source in makers else None
        if operator.name == "QUANTIZE" and before and before.custom and before.name == DETECTION:
            real[operator.outputs[0]] = number
    model = objects(content)
    move_inside(model, content)
    main, moved = model.subgraphs[0], {}
    for index in map(int, main.outputs):
        if index in real:
            given = int(main.operators[real[index]].inputs[0])
            main.tensors[given].name, moved[index] = main.tensors[index].name, given
    main.outputs = [moved.get(int(index), int(index)) for index in main.outputs]
    gone = {real[index] for index in moved}
    main.operators = [operator for number, operator in enumerate(main.operators) if number not in gone]
    for signature in model.signatureDefs or []:
        for part in signature.outputs or []:
            part.tensorIndex = moved.get(part.tensorIndex, part.tensorIndex)
    return packed(model)


def without_detection(content: bytes) -> bytes:
    """A detector that ends before its last operator: its outputs are the encoded boxes and the scores of the classes.

    They are integers where they were so before the operator.

    Args:
      content: of a model for which `detects` holds.
    """
    model = objects(content)
    move_inside(model, content)
    graph = model.subgraphs[0]
    *left, last = graph.operators
    makers = {int(index): operator for operator in left for index in operator.outputs}
    ends, gone = [], set()
    for index in map(int, last.inputs[:2]):
        maker = makers.get(index)
        read = any(index in map(int, operator.inputs) for operator in left)
        if maker and kind_of(model, maker) == "DEQUANTIZE" and not read:
            gone.add(id(maker))
            index = int(maker.inputs[0])
        ends.append(index)
    graph.operators = [operator for operator in left if id(operator) not in gone]
    graph.outputs, model.signatureDefs = ends, None
    for index, name in zip(ends, ENDS, strict=True):
        graph.tensors[index].name = name
    return packed(model)
