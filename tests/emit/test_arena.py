from pathlib import Path

from edgekit.emit.arena import arena_with_margin, scratch_bytes
from edgekit.flatbuffer.read import read_graph


def test_the_margin_is_never_below_a_kibibyte(shared: Path) -> None:
    graph = read_graph(shared / "models/tflite/hello_world_int8.tflite")
    assert arena_with_margin(graph, 1600) == 1600 + 1024


def test_a_large_arena_gets_five_percent_in_multiples_of_16(shared: Path) -> None:
    graph = read_graph(shared / "models/tflite/hello_world_int8.tflite")
    assert arena_with_margin(graph, 100_000) == 105_008


def test_the_widest_convolution_sets_the_scratch(shared: Path) -> None:
    graph = read_graph(shared / "models/tflite/wake_word_int8.tflite")
    kernels = [graph.tensors[operator.inputs[1]].shape for operator in graph.operators if operator.name == "CONV_2D"]
    assert scratch_bytes(graph) >= max(4 * h * w * c for _, h, w, c in kernels)
    assert arena_with_margin(graph, 16) >= 16 + scratch_bytes(graph)
