"""The one model of a graph says of a file what the schema's objects say: constants, settings, which end is which."""

import numpy as np
import pytest
from make_graph import Graph as Made

from edgekit.errors import ModelError
from edgekit.flatbuffer.edit import move_inside, objects
from edgekit.flatbuffer.read import parse_graph


def alike(ours: object, theirs: object) -> bool:
    """Whether two tables of settings say the same."""
    if theirs is None or ours is None:
        return ours is theirs
    pairs = [(value, vars(theirs)[name]) for name, value in vars(ours).items()]
    return type(ours).__name__ == type(theirs).__name__ and all(np.array_equal(a, b) for a, b in pairs)


def test_constants_settings_and_ends_are_those_of_the_file(shared):
    for path in sorted((shared / "models/tflite").glob("*.tflite")):
        content = path.read_bytes()
        graph, model = parse_graph(content, path.name), objects(content)
        move_inside(model, content)
        main, count = model.subgraphs[0], 0
        assert graph.content == content
        assert graph.ends == (tuple(map(int, main.inputs)), tuple(map(int, main.outputs)))
        for number, operator in enumerate(main.operators):
            assert alike(graph.settings(number), operator.builtinOptions), f"{path.name}: operator {number}"
        for tensor, theirs in zip(graph.tensors, main.tensors, strict=False):
            data = model.buffers[theirs.buffer].data
            if tensor.dtype in ("string", "int4") or tensor.sparse:
                continue
            values = graph.constant(tensor)
            assert (values is None) == (data is None or not len(data)), f"{path.name}: {tensor.name}"
            if values is not None:
                count += 1
                assert values.tobytes() == np.asarray(data, np.uint8).tobytes() and values.shape == tensor.shape
        assert count


def test_a_constant_of_another_size_is_named():
    g = Made()
    x = g.dense(g.input([1, 4]), np.ones((3, 4), np.int8), np.zeros(3))
    g.graph.tensors[1].shape = np.array([3, 5], np.int32)
    graph = parse_graph(g.finish(x), "m")
    with pytest.raises(
        ModelError, match=r"'t1' is int8 of the shape \[3, 5\], for which 12 bytes of data are not right"
    ):
        graph.constant(graph.tensors[1])
    assert graph.constant(graph.tensors[0]) is None and graph.constant(graph.tensors[2]).tolist() == [0, 0, 0]
