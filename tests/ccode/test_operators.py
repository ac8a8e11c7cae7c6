"""Operators beyond layers and sums have the outputs of TFLM too, byte for byte, in any shape and quantization."""

from collections.abc import Callable

import numpy as np
import pytest
from code_probe import compare
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from make_graph import Graph

from edgekit.ccode.generate import generate
from edgekit.errors import ModelError

ZEROS = st.sampled_from([-128, -3, 0, 127])
SCALES = st.sampled_from([0.004, 0.05, 3.0])  # the first one shifts to the left
SIZES = st.integers(1, 6)


@pytest.fixture(scope="module")
def differing(tflm, tmp_path_factory):
    """How many bytes of a model's outputs are not those of TFLM."""
    path = tmp_path_factory.mktemp("model") / "m.tflite"

    def count(content: bytes, kernels: str = "portable", samples: int = 60) -> int:
        path.write_bytes(content)
        return tflm.call(compare, str(path), kernels, samples, "gcc", returns=tuple[int, int, int])[0]

    return count


def ints(g: Graph, *values: int) -> int:
    return g.constant(np.array(values, np.int32))


def int8(g: Graph, rng: np.random.Generator, shape, scale: float = 0.03, zero: int = 0) -> int:
    """A constant of random values."""
    return g.constant(rng.integers(-128, 128, shape).astype(np.int8), scale, zero=zero)


def described(**fields) -> st.SearchStrategy[dict]:
    return st.fixed_dictionaries({"seed": st.integers(0, 2**32), "zero": ZEROS, "scale": SCALES, **fields})


SHAPES = st.lists(SIZES, min_size=1, max_size=4).map(tuple)
REDUCED = described(
    kind=st.sampled_from(["MEAN", "MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "L2_NORMALIZATION"]),
    shape=SHAPES,
    axes=st.sets(st.integers(-4, 3), min_size=1),
    keep=st.booleans(),
)


def reduced(g: Graph, of: dict, rng: np.random.Generator) -> int:
    shape = of["shape"]
    if of["kind"] == "L2_NORMALIZATION":
        return g.unary(of["kind"], g.input(shape, 0.05, of["zero"]), 1 / 128, 0, "L2NormOptions")
    axes = sorted({axis % len(shape) for axis in of["axes"]})
    made = [1 if axis in axes else n for axis, n in enumerate(shape) if of["keep"] or axis not in axes]
    ends = (0.05, -9) if of["kind"].startswith("REDUCE") else (of["scale"], int(rng.integers(-128, 128)))
    x = g.input(shape, 0.05, -9 if of["kind"].startswith("REDUCE") else of["zero"])
    inputs = [x, ints(g, *(axis - len(shape) * int(rng.integers(2)) for axis in axes))]
    return g.operator(of["kind"], inputs, [g.tensor(made, *ends)], "ReducerOptions", keepDims=of["keep"])


RESIZED = described(
    kind=st.sampled_from(["RESIZE_NEAREST_NEIGHBOR", "RESIZE_BILINEAR"]),
    size=st.tuples(st.integers(1, 2), SIZES, SIZES, SIZES),
    to=st.tuples(st.integers(1, 13), st.integers(1, 13)),
    mode=st.sampled_from(["plain", "corners", "half"]),
)


def resized(g: Graph, of: dict, rng: np.random.Generator) -> int:
    batch, _, _, channels = of["size"]
    x, out = g.input(of["size"], 0.05, of["zero"]), g.tensor([batch, *of["to"], channels], 0.05, of["zero"])
    options = "ResizeBilinearOptions" if of["kind"] == "RESIZE_BILINEAR" else "ResizeNearestNeighborOptions"
    modes = {"alignCorners": of["mode"] == "corners", "halfPixelCenters": of["mode"] == "half"}
    return g.operator(of["kind"], [x, ints(g, *of["to"])], [out], options, **modes)


TRANSPOSED = described(
    size=st.tuples(st.integers(1, 2), SIZES, SIZES, st.integers(1, 5)),
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    outputs=st.integers(1, 5),
    same=st.booleans(),
    bias=st.booleans(),
    per_channel=st.booleans(),
    activation=st.sampled_from(["NONE", "RELU", "RELU6"]),
)


def transposed(g: Graph, of: dict, rng: np.random.Generator) -> int:
    (batch, *size, channels), outputs, same = of["size"], of["outputs"], of["same"]
    ends = zip(size, of["stride"], of["kernel"], strict=True)
    out = [n * s if same else n * s + max(k - s, 0) for n, s, k in ends]
    scales = rng.uniform(0.001, 0.03, outputs if of["per_channel"] else 1).astype(np.float32)
    x = g.input(of["size"], 0.05, of["zero"])
    weights = g.constant(rng.integers(-127, 128, (outputs, *of["kernel"], channels)).astype(np.int8), scales)
    inputs = [ints(g, batch, *out, outputs), weights, x]
    if of["bias"]:
        inputs.append(g.constant(rng.integers(-5000, 5000, outputs).astype(np.int32), scales * np.float32(0.05)))
    made = g.tensor([batch, *out, outputs], of["scale"], int(rng.integers(-128, 128)))
    fields = {"padding": 0 if same else 1, "strideH": of["stride"][0], "strideW": of["stride"][1]}
    fields["fusedActivationFunction"] = getattr(g.s.ActivationFunctionType, of["activation"])
    return g.operator("TRANSPOSE_CONV", inputs, [made], "TransposeConvOptions", **fields)


MULTIPLIED = described(
    size=st.tuples(SIZES, SIZES, st.integers(1, 20)),
    batch=st.lists(st.tuples(st.integers(1, 3), st.sampled_from(["both", "left", "right"])), max_size=3),
    turned=st.tuples(st.booleans(), st.booleans()),
    constant=st.sampled_from([None, None, 0, 1]),
)


def multiplied(g: Graph, of: dict, rng: np.random.Generator) -> int:
    rows, columns, depth = of["size"]
    batch = [n for n, _ in of["batch"]]
    sides = []
    for place, (end, missing) in enumerate((((rows, depth), "right"), ((depth, columns), "left"))):
        shape = [1 if where == missing else n for n, where in of["batch"]]
        shape += end[::-1] if of["turned"][place] else end
        zero = of["zero"] if place else int(rng.integers(-128, 128))
        constant = of["constant"] == place
        sides.append(int8(g, rng, shape, 0.02, zero) if constant else g.input(shape, 0.02, zero))
    out = g.tensor([*batch, rows, columns], of["scale"], int(rng.integers(-128, 128)))
    turned = {"adjX": of["turned"][0], "adjY": of["turned"][1]}
    return g.operator("BATCH_MATMUL", sides, [out], "BatchMatMulOptions", **turned)


PAIRED = described(
    kind=st.sampled_from(["PRELU", "PRELU", "SQUARED_DIFFERENCE", "ADD", "SUB", "MUL", "MAXIMUM", "MINIMUM"]),
    shape=st.lists(st.integers(1, 7), min_size=1, max_size=4).map(tuple),
    flat=st.lists(st.booleans(), min_size=4, max_size=4),
    drop=st.integers(0, 3),
    constant=st.booleans(),
    swapped=st.booleans(),
)


def paired(g: Graph, of: dict, rng: np.random.Generator) -> int:
    """Of two inputs the second has fewer dimensions, or one value along some."""
    kind, shape = of["kind"], of["shape"]
    few = [1 if flat else n for n, flat in zip(shape, of["flat"], strict=False)]
    while len(few) > 1 and len(shape) - len(few) < of["drop"] and few[0] == 1:
        few = few[1:]
    alike = kind in ("MAXIMUM", "MINIMUM")
    ends = [(0.05, 4)] * 3 if alike else [(0.05, of["zero"]), (0.03, -9), (of["scale"], int(rng.integers(-128, 128)))]
    one = g.input(shape, *ends[0])
    other = int8(g, rng, few, *ends[1]) if of["constant"] else g.input(few, *ends[1])
    both = [other, one] if of["swapped"] and kind != "PRELU" else [one, other]
    options = {"ADD": "AddOptions", "SUB": "SubOptions", "MUL": "MulOptions"}.get(kind)
    options = options or ("MaximumMinimumOptions" if alike else "")
    return g.operator(kind, both, [g.tensor(shape, *ends[2])], options)


MOVES = {
    "TRANSPOSE": "TransposeOptions",
    "STRIDED_SLICE": "StridedSliceOptions",
    "CONCATENATION": "ConcatenationOptions",
    "PACK": "PackOptions",
    "MIRROR_PAD": "MirrorPadOptions",
    "GATHER": "GatherOptions",
    "DEPTH_TO_SPACE": "DepthToSpaceOptions",
    "SPACE_TO_DEPTH": "SpaceToDepthOptions",
    "BATCH_TO_SPACE_ND": "BatchToSpaceNDOptions",
    "SPACE_TO_BATCH_ND": "SpaceToBatchNDOptions",
    "BROADCAST_TO": "BroadcastToOptions",
    "REVERSE_V2": "ReverseV2Options",
}
MOVED = described(
    kind=st.sampled_from(sorted(MOVES)),
    shape=st.lists(SIZES, min_size=1, max_size=5).map(tuple),
    axis=st.integers(0, 4),
)


def moved(g: Graph, of: dict, rng: np.random.Generator) -> int:
    kind, shape, zero = of["kind"], of["shape"], of["zero"]
    zero = 0 if kind == "SPACE_TO_BATCH_ND" else zero  # TFLM pads it with 0
    axis, size, fields = of["axis"] % len(shape), int(rng.integers(1, 4)), {}
    if kind in ("DEPTH_TO_SPACE", "SPACE_TO_DEPTH", "BATCH_TO_SPACE_ND", "SPACE_TO_BATCH_ND"):
        shape = (*shape, 1, 2, 3)[:4]
    if kind == "GATHER":
        shape = shape[:4]
        axis = of["axis"] % len(shape)
    if kind in ("CONCATENATION", "PACK"):
        shape = shape[:4]
        axis = of["axis"] % len(shape)
        other = int8(g, rng, shape, 0.05, zero)
        made = [2 * n if place == axis else n for place, n in enumerate(shape)]
        made = [*shape[:axis], 2, *shape[axis:]] if kind == "PACK" else made
        fields = {"axis": axis, "valuesCount": 2} if kind == "PACK" else {"axis": axis - len(shape)}
        both = [g.input(shape, 0.05, zero), other]
        inputs = both if rng.integers(2) else both[::-1]
    elif kind == "TRANSPOSE":
        order = rng.permutation(len(shape))
        inputs, made = [g.input(shape, 0.05, zero), ints(g, *order)], [shape[place] for place in order]
    elif kind == "STRIDED_SLICE":
        shape = (*shape, 2, 3)[:4]
        axis %= len(shape)
        step = [int(s) for s in rng.choice([-2, -1, 1, 2], len(shape))]
        begin = [int(rng.integers(n)) - n * int(rng.integers(2)) for n in shape]
        end = [n if s > 0 else -n - 1 for n, s in zip(shape, step, strict=True)]
        made = [len(range(n)[b:e:s]) for n, b, e, s in zip(shape, begin, end, step, strict=True)]
        shrunk = axis if step[axis] > 0 else None
        made = [n for place, n in enumerate(made) if place != shrunk]
        names = ("beginMask", "endMask", "ellipsisMask", "newAxisMask", "shrinkAxisMask")
        fields = dict.fromkeys(names, 0) | {"shrinkAxisMask": 0 if shrunk is None else 1 << shrunk}
        inputs = [g.input(shape, 0.05, zero), ints(g, *begin), ints(g, *end), ints(g, *step)]
    elif kind == "MIRROR_PAD":
        mode = int(rng.integers(2))
        pads = [[int(v) for v in rng.integers(0, n + mode, 2)] for n in shape]  # mode 1 repeats the edge
        made = [a + n + b for (a, b), n in zip(pads, shape, strict=True)]
        inputs, fields = [g.input(shape, 0.05, zero), g.constant(np.array(pads, np.int32))], {"mode": mode}
    elif kind == "GATHER":
        indices = [int(i) for i in rng.integers(0, shape[axis], size + 2)]
        made = [*shape[:axis], len(indices), *shape[axis + 1 :]]
        inputs, fields = [g.input(shape, 0.05, zero), ints(g, *indices)], {"axis": axis, "batchDims": 0}
    elif kind in ("DEPTH_TO_SPACE", "SPACE_TO_DEPTH"):
        batch, height, width, channels = shape
        ends = [batch, height, width, channels * size**2], [batch, height * size, width * size, channels]
        given, made = ends if kind == "DEPTH_TO_SPACE" else ends[::-1]
        inputs, fields = [g.input(given, 0.05, zero)], {"blockSize": size}
    elif kind in ("BATCH_TO_SPACE_ND", "SPACE_TO_BATCH_ND"):
        block, (batch, *image, channels) = [int(n) for n in rng.integers(1, 4, 2)], shape
        few = [n + 1 for n in image]
        pads = [[int(rng.integers(b)), 0] for b in block]
        pads = [[a, (0 if kind.startswith("B") else b - a)] for (a, _), b in zip(pads, block, strict=True)]
        many = [n * b - sum(p) for n, b, p in zip(few, block, pads, strict=True)]
        ends = [batch * block[0] * block[1], *few, channels], [batch, *many, channels]
        given, made = ends if kind.startswith("B") else ends[::-1]
        inputs = [g.input(given, 0.05, zero), ints(g, *block), g.constant(np.array(pads, np.int32))]
    elif kind == "BROADCAST_TO":
        few = [1 if rng.integers(2) else n for n in shape]
        inputs, made = [g.input(few, 0.05, zero), ints(g, *shape)], shape
    else:
        inputs, made = [g.input(shape, 0.05, zero), ints(g, axis)], shape
    return g.operator(kind, inputs, [g.tensor(made, 0.05, zero)], MOVES[kind], **fields)


FAMILIES: dict[str, tuple[st.SearchStrategy[dict], Callable]] = {
    "reduced": (REDUCED, reduced),
    "resized": (RESIZED, resized),
    "transposed": (TRANSPOSED, transposed),
    "multiplied": (MULTIPLIED, multiplied),
    "paired": (PAIRED, paired),
    "moved": (MOVED, moved),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_an_operator_of_any_shape_and_quantization_is_exact(differing, family):
    described, build = FAMILIES[family]

    @given(st.lists(described, min_size=6, max_size=12), st.sampled_from(["portable", "dsp"]))
    @settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
    def exact(several, kernels):
        g = Graph()
        made = [build(g, of, np.random.default_rng(of["seed"])) for of in several]
        assert differing(g.finish(*made), kernels) == 0

    exact()


@pytest.mark.parametrize("kind", ["MUL", "BATCH_MATMUL", "FULLY_CONNECTED"])
def test_scales_whose_product_makes_ties_are_exact(differing, kind):
    """0.05 * 0.03 / 0.004 is not 0.375 in float32: sums that lie between two stored values show it."""
    g, rng, made = Graph(), np.random.default_rng(0), []
    for one, other, scale in ((0.05, 0.03, 0.004), (0.1, 0.04, 0.008), (0.07, 0.02, 0.004), (0.05, 0.04, 0.128)):
        if kind == "FULLY_CONNECTED":
            made.append(
                g.dense(
                    g.input([8, 4], one, 3), rng.integers(-20, 20, (4, 4)).astype(np.int8), None, scale, 0, scales=other
                )
            )
            continue
        both = [g.input([8, 8], one, 3), g.input([8, 8], other, -1)]
        options = {"MUL": "MulOptions", "BATCH_MATMUL": "BatchMatMulOptions"}[kind]
        made.append(g.operator(kind, both, [g.tensor([8, 8], scale)], options))
    assert differing(g.finish(*made), samples=200) == 0


def excited() -> bytes:
    """Channels that are weighted by what is in them, then joined with themselves, and added to themselves."""
    g = Graph()
    x = g.unary("TANH", g.input([1, 9, 7, 16], 0.03, -7), 1 / 128, 0)
    mean = g.operator("MEAN", [x, ints(g, 1, 2)], [g.tensor([1, 1, 1, 16], 0.004, 1)], "ReducerOptions", keepDims=True)
    weights = g.unary("LOGISTIC", mean, 1 / 256, -128)
    y = g.operator("MUL", [x, weights], [g.tensor([1, 9, 7, 16], 0.006, 3)], "MulOptions")
    return g.finish(g.concat([y, y]), g.add(y, y, 0.011, 3))


def test_a_small_operand_takes_no_memory_and_is_not_written_over(differing):
    assert differing(excited()) == 0
    assert generate(excited(), "m").arena == 9 * 7 * 16 + 16, "the weighted channels lie where they lay"


def many_places() -> bytes:
    g = Graph()
    x, out = g.input([1, 1, 300, 1]), g.tensor([1, 1, 40_001, 1])
    return g.finish(g.operator("RESIZE_BILINEAR", [x, ints(g, 1, 40_001)], [out], "ResizeBilinearOptions"))


def other_scales() -> bytes:
    g = Graph()
    both = [g.input([4], 0.1), g.input([4], 0.2)]
    return g.finish(g.operator("CONCATENATION", both, [g.tensor([8], 0.1)], "ConcatenationOptions", axis=0))


def computed_axes() -> bytes:
    g = Graph()
    x, axes = g.input([4, 4]), g.input([1], 1.0)
    return g.finish(g.operator("MEAN", [x, axes], [g.tensor([4])], "ReducerOptions", keepDims=False))


def no_such_axis() -> bytes:
    g = Graph()
    x = g.input([4, 4])
    return g.finish(g.operator("MEAN", [x, ints(g, 2)], [g.tensor([4])], "ReducerOptions", keepDims=False))


def twice_reversed() -> bytes:
    g = Graph()
    return g.finish(g.operator("REVERSE_V2", [g.input([2, 3]), ints(g, 1, -1)], [g.tensor([2, 3])], "ReverseV2Options"))


def too_short() -> bytes:
    g = Graph()
    both = [g.input([4]), g.input([4])]
    return g.finish(g.operator("CONCATENATION", both, [g.tensor([7])], "ConcatenationOptions", axis=0))


def unknown() -> bytes:
    g = Graph()
    return g.finish(g.unary("CUMSUM", g.input([4]), 0.1, 0))


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (many_places, "0, RESIZE_BILINEAR in 't1': TFLM itself reads past its input"),
        (other_scales, "0, CONCATENATION in 't2': its inputs and outputs have different scales; requantize"),
        (computed_axes, "0, MEAN in 't2': its input 1 is computed; it must be constant"),
        (twice_reversed, "0, REVERSE_V2 in 't2': it reverses an axis twice; convert the model again"),
        (no_such_axis, "0, MEAN in 't2': it has the axis 2 of 2; convert the model again"),
        (
            too_short,
            "0, CONCATENATION in 't2': its output 't2' is 7, but what it is made of gives 8; convert the model",
        ),
        (unknown, "0, CUMSUM in 't1': C code is not written for this operator; let an interpreter run the model"),
    ],
)
def test_what_cannot_be_written_is_named_with_what_to_do(build, words):
    with pytest.raises(ModelError) as told:
        generate(build(), "m", "portable")
    assert f"operator {words}" in str(told.value) and "\n" not in str(told.value)
