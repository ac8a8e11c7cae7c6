"""Channels that compute a constant are taken out, and no output changes in any runtime."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from make_graph import Graph

from edgekit.flatbuffer.read import parse_graph
from edgekit.flatbuffer.strip import dieted
from edgekit.shrink.proof import same_outputs


def proven(runtimes, folder, before: bytes, after: bytes) -> set[str]:
    (folder / "before.tflite").write_bytes(before)
    (folder / "after.tflite").write_bytes(after)
    files = str(folder / "before.tflite"), str(folder / "after.tflite")
    return {w.call(same_outputs, "", *files, name, None, 0, returns=str) for name, w in runtimes.items()}


def weights(rng, *shape):
    return rng.integers(-127, 128, shape).astype(np.int8)


def channels(content: bytes) -> list[int]:
    """Output channels of every layer."""
    graph = parse_graph(content, "it")
    return [graph.tensors[op.outputs[0]].shape[-1] for op in graph.operators if op.macs]


def chain(rng, zero: int, bias: int, padding: str, activation: str = "RELU") -> Graph:
    """Convolution, of which two of eight channels are dead, pooling, depthwise, convolution, dense."""
    g = Graph()
    x = g.input([1, 8, 8, 3], 0.05, 3)
    w = weights(rng, 8, 3, 3, 3)
    w[[2, 5]] = 0
    b = rng.integers(-500, 500, 8)
    b[[2, 5]] = bias
    x = g.conv(x, w, b, 0.1, zero, activation=activation)
    x = g.pool(x)
    x = g.conv(x, weights(rng, 1, 3, 3, 8), rng.integers(-300, 300, 8), 0.2, -4, padding=padding, depthwise=True)
    x = g.conv(x, weights(rng, 6, 1, 1, 8), rng.integers(-300, 300, 6), 0.4, 7)
    x = g.reshape(x, [1, int(np.prod(g.shape(x)))])
    x = g.dense(x, weights(rng, 4, g.shape(x)[1]), rng.integers(-300, 300, 4), 0.9, 0)
    g.out = x
    return g


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize(
    ("zero", "bias", "activation", "exact_zero"),
    [(-128, -90, "RELU", True), (-128, 70, "RELU", False), (5, 0, "NONE", True), (5, 333, "NONE", False)],
)
def test_dead_channels_go_through_a_chain(runtimes, tmp_path, zero, bias, activation, exact_zero, padding):
    g = chain(np.random.default_rng(1), zero, bias, padding, activation)
    before = g.finish(g.out)
    after = dieted(before)
    goes = exact_zero or padding == "VALID"  # else the border of the depthwise convolution tells it apart
    assert channels(after) == ([6, 6, 6, 4] if goes else [8, 8, 6, 4])
    assert parse_graph(after, "it").macs < parse_graph(before, "it").macs or not goes
    assert proven(runtimes, tmp_path, before, after) == {"identical on 64 random inputs"}


def test_a_channel_that_one_reader_needs_stays(runtimes, tmp_path):
    rng, g = np.random.default_rng(2), Graph()
    x = g.input([1, 4, 4, 2])
    w = weights(rng, 4, 1, 1, 2)
    w[1] = 0
    a = g.conv(x, w, np.array([0, 1000, 0, 0]))
    one = g.conv(a, weights(rng, 3, 3, 3, 4), np.zeros(3))  # its border is zeros, the channel is not
    other = g.conv(a, weights(rng, 3, 1, 1, 4), np.zeros(3))
    before = g.finish(one, other)
    after = dieted(before)
    assert channels(after) == [4, 3, 3]
    assert proven(runtimes, tmp_path, before, after) == {"identical on 64 random inputs"}


def test_a_sum_gives_up_a_channel_that_both_sides_do_without(runtimes, tmp_path):
    rng, g = np.random.default_rng(3), Graph()
    x = g.input([1, 5, 5, 3])
    sides = []
    for dead in ([0, 3], [3, 4]):
        w = weights(rng, 6, 1, 1, 3)
        w[dead] = 0
        sides.append(g.conv(x, w, rng.integers(-400, 400, 6), activation="RELU6"))
    total = g.add(*sides, 0.15, -10)
    out = g.conv(total, weights(rng, 2, 1, 1, 6), np.zeros(2))
    before = g.finish(out)
    after = dieted(before)
    assert channels(after) == [5, 5, 2]
    assert proven(runtimes, tmp_path, before, after) == {"identical on 64 random inputs"}


def test_a_concatenation_gives_up_channels_of_its_parts(runtimes, tmp_path):
    rng, g = np.random.default_rng(4), Graph()
    x = g.input([1, 6, 6, 2])
    parts = []
    for dead in ([1], [0, 2]):
        w = weights(rng, 4, 3, 3, 2)
        w[dead] = 0
        parts.append(g.conv(x, w, rng.integers(0, 900, 4)))
    joined = g.unary("LOGISTIC", g.concat(parts), 1 / 256, -128)
    before = g.finish(g.conv(joined, weights(rng, 3, 3, 3, 8), np.zeros(3), padding="VALID"))
    after = dieted(before)
    assert channels(after) == [3, 2, 3]
    assert proven(runtimes, tmp_path, before, after) == {"identical on 64 random inputs"}


def test_a_channel_that_nobody_reads_goes_with_what_made_it(runtimes, tmp_path):
    rng, g = np.random.default_rng(5), Graph()
    x = g.input([1, 4, 4, 3])
    a = g.conv(x, weights(rng, 5, 3, 3, 3), rng.integers(-9, 9, 5))
    w = weights(rng, 4, 1, 1, 5)
    w[..., 2] = 0
    before = g.finish(g.conv(a, w, np.zeros(4)))
    after = dieted(before)
    assert channels(after) == [4, 4]
    assert proven(runtimes, tmp_path, before, after) == {"identical on 64 random inputs"}


def test_outputs_and_the_last_channel_stay(runtimes, tmp_path):
    g = Graph()
    x = g.input([1, 3, 3, 2])
    a = g.conv(x, np.zeros((3, 1, 1, 2), np.int8), np.array([100, 200, 300]))
    before = g.finish(g.conv(a, weights(np.random.default_rng(6), 2, 1, 1, 3), np.zeros(2)), a)
    assert channels(dieted(before)) == [3, 2]
    g = Graph()
    x = g.input([1, 3, 3, 2])
    a = g.conv(x, np.zeros((3, 1, 1, 2), np.int8), np.array([100, 200, 300]))
    before = g.finish(g.conv(a, weights(np.random.default_rng(6), 2, 1, 1, 3), np.zeros(2)))
    after = dieted(before)
    assert channels(after) == [1, 2]
    assert proven(runtimes, tmp_path, before, after) == {"identical on 64 random inputs"}


@st.composite
def graphs(draw):
    """A few operators, each on any of the tensors before, with dead channels here and there."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    g = Graph()
    made = [g.input([1, draw(st.integers(3, 6)), draw(st.integers(3, 6)), draw(st.integers(1, 4))], 0.05, -3)]

    def dead(w, axis):
        gone = draw(st.lists(st.integers(0, w.shape[axis] - 1), max_size=w.shape[axis]))
        np.moveaxis(w, axis, 0)[gone] = 0
        return w

    for _ in range(draw(st.integers(2, 6))):
        x = draw(st.sampled_from(made[-3:]))
        count, zero = g.shape(x)[3], draw(st.sampled_from([-128, -5, 0, 40]))
        kind = draw(st.sampled_from(["conv", "conv", "depthwise", "pool", "add", "concat", "unary", "quantize"]))
        padding, activation = draw(st.sampled_from(["SAME", "VALID"])), draw(st.sampled_from(["NONE", "RELU", "RELU6"]))
        small = min(g.shape(x)[1:3])
        size = draw(st.sampled_from([1, 3])) if small >= 3 else 1
        if kind == "conv":
            outputs = draw(st.integers(1, 6))
            w = dead(dead(weights(rng, outputs, size, size, count), 0), 3)
            bias = rng.integers(-900, 900, outputs)
            y = g.conv(x, w, bias, 0.1, zero, padding=padding, activation=activation)
        elif kind == "depthwise":
            w = dead(weights(rng, 1, size, size, count * draw(st.sampled_from([1, 2]))), 3)
            bias = rng.integers(-900, 900, w.shape[3])
            y = g.conv(x, w, bias, 0.1, zero, padding=padding, activation=activation, depthwise=True)
        elif kind == "pool":
            if small < 2:
                continue
            y = g.pool(x, draw(st.sampled_from(["MAX", "AVERAGE"])), 2, 1, padding, activation)
        elif kind == "add":
            other = next((t for t in made if g.shape(t) == g.shape(x)), x)
            y = g.add(x, other, 0.15, zero, activation)
        elif kind == "concat":
            fits = [t for t in made if g.shape(t)[:3] == g.shape(x)[:3] and g.quantization(t) == g.quantization(x)]
            y = g.concat(fits[:3])
        elif kind == "unary":
            y = g.unary(*draw(st.sampled_from([("LOGISTIC", x, 1 / 256, -128), ("TANH", x, 1 / 128, 0)])))
        else:
            y = g.unary("QUANTIZE", x, 0.07, zero)
        made.append(y)
    last = made[-1]
    flat = int(np.prod(g.shape(last)))
    out = g.dense(g.reshape(last, [1, flat]), weights(rng, 3, flat), rng.integers(-900, 900, 3), 2.0, 3)
    return g.finish(out)


@given(graphs())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_the_graph_no_runtime_tells_the_difference(runtimes, tmp_path_factory, content):
    after = dieted(content)
    assert parse_graph(after, "it").macs <= parse_graph(content, "it").macs
    said = proven(runtimes, tmp_path_factory.getbasetemp(), content, after)
    assert said <= {"identical on 64 random inputs", "runs neither file"}
