"""The shapes of what an operator makes, by its definition: from its inputs, weights and settings.

Source: the functions `Prepare` in tensorflow/lite/kernels and tensorflow/lite/micro/kernels.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from edgekit.ccode.graph import Node, Shape
from edgekit.flatbuffer.read import _schema

WIDEST = 2**15 - 1
"""The largest stride, dilation or kernel, so that places around an image stay far below 32 bits."""
PLACES = 2**16
"""Rows or columns that a resize may make: each is an entry of a table."""
COPIES = 4096
"""Parts that an operator may be cut into: each takes code of its own."""


def like(node: Node) -> list[Shape]:
    """As the input."""
    return [node.given().shape]


def conv(node: Node) -> list[Shape]:
    """CONV_2D, grouped or not."""
    (batch, *image, channels), (outputs, *kernel, depth) = ranked(node, 0), ranked(node, 1)
    node.require(
        channels % depth == 0 and outputs % (channels // depth) == 0,
        f"its weights are for {depth} channels and {outputs} outputs, and its input has {channels} channels",
    )
    return [(batch, *window(node, image, kernel, channels), outputs)]


def depthwise(node: Node) -> list[Shape]:
    """DEPTHWISE_CONV_2D."""
    (batch, *image, channels), (one, *kernel, outputs) = ranked(node, 0), ranked(node, 1)
    node.require(
        one == 1 and outputs % channels == 0 and node.options.depthMultiplier in (0, outputs // channels),
        f"its weights, {listed(node.given(1).shape)}, do not fit its input of {channels} channels and its multiplier",
    )
    return [(batch, *window(node, image, kernel, channels), outputs)]


def transpose_conv(node: Node) -> list[Shape]:
    """TRANSPOSE_CONV: as large as its first input says, which no rule derives from the rest."""
    size, (outputs, *kernel, depth), (batch, *image, channels) = integers(node, 0), ranked(node, 1), ranked(node, 2)
    node.require(len(size) == 4 and min(size) > 0, "its first input is not the shape of its output")
    node.require(depth == channels, f"its weights are for {depth} channels, and its input has {channels}")
    padding(node)
    strides = node.options.strideH, node.options.strideW
    within(node, image, kernel, strides, (1, 1), channels)
    within(node, size[1:3], kernel, strides, (1, 1), outputs)
    parts = math.prod(min(s, n) for s, n in zip(strides, size[1:3], strict=True))
    node.require(parts <= COPIES, f"with its stride it would be {parts:,} convolutions")
    return [(batch, *size[1:3], outputs)]


def dense(node: Node) -> list[Shape]:
    """FULLY_CONNECTED: rows of whatever axes; files of any rank are in use, so the output's own leading axes count."""
    source, (outputs, inputs), made = node.given(), ranked(node, 1, 2), node.outputs[0].shape
    node.require(not node.options.weightsFormat, "its weights are shuffled")
    node.require(source.elements % inputs == 0, f"its weights are for {inputs} inputs, which its input has not")
    rows = source.elements // inputs
    if node.options.keepNumDims:
        node.require(source.shape[-1:] == (inputs,), f"it keeps axes, and the last of its input is not {inputs}")
        return [(*source.shape[:-1], outputs)]
    return [(*made[:-1], outputs) if math.prod(made[:-1]) == rows else (rows, outputs)]


def pool(node: Node) -> list[Shape]:
    """MAX_POOL_2D, AVERAGE_POOL_2D."""
    batch, *image, channels = ranked(node, 0)
    return [(batch, *window(node, image, (node.options.filterHeight, node.options.filterWidth), channels), channels)]


def softmax(node: Node) -> list[Shape]:
    """SOFTMAX, L2_NORMALIZATION: of the last axis."""
    node.require(bool(node.given().shape), "its input has no axis")
    return like(node)


def pair(node: Node) -> list[Shape]:
    """Two inputs, each repeated along axes where it has one value."""
    return [repeated(node, node.given().shape, node.given(1).shape)]


def slopes(node: Node) -> list[Shape]:
    """PRELU: slopes are repeated over the input."""
    shape, many = node.given().shape, node.given(1)
    if many.elements > 1 and repeated(node, shape, many.shape) != shape:
        raise node.refusal("it has more dimensions of slopes than of values; give it slopes of the input's shape")
    return like(node)


def matmul(node: Node) -> list[Shape]:
    """BATCH_MATMUL."""
    one, other = node.given().shape, node.given(1).shape
    node.require(min(len(one), len(other)) >= 2 and max(len(one), len(other)) <= 5, "an input has not 2 to 5 axes")
    rows, depth = one[:-3:-1] if node.options.adjX else one[-2:]
    deep, columns = other[:-3:-1] if node.options.adjY else other[-2:]
    node.require(depth == deep, f"its rows have {depth} values, and its columns {deep}")
    return [(*repeated(node, one[:-2], other[:-2]), rows, columns)]


def reduced(node: Node) -> list[Shape]:
    """MEAN, SUM, REDUCE_MAX, REDUCE_MIN."""
    shape = node.given().shape
    gone = axes(node, integers(node, 1))
    kept = node.options.keepDims
    return [tuple(1 if axis in gone else n for axis, n in enumerate(shape) if kept or axis not in gone)]


def reshape(node: Node) -> list[Shape]:
    """RESHAPE: what its second input or its settings say, or where they say nothing the file."""
    source, made = node.given(), node.outputs[0].shape
    if len(node.inputs) > 1 and node.inputs[1] is not None:
        wanted = integers(node, 1)
    else:
        wanted = [] if node.options.newShape is None else [int(n) for n in node.options.newShape]
        wanted = wanted or list(made)
    wanted = [] if wanted == [0] else wanted  # old files have scalars so
    node.require(wanted.count(-1) <= 1 and all(n > 0 or n == -1 for n in wanted), f"it reshapes to {listed(wanted)}")
    known = math.prod(n for n in wanted if n > 0)
    node.require(
        source.elements == known if -1 not in wanted else source.elements % known == 0,
        f"it reshapes {listed(source.shape)} to {listed(wanted)}",
    )
    return [tuple(source.elements // known if n == -1 else n for n in wanted)]


def squeeze(node: Node) -> list[Shape]:
    """SQUEEZE: axes of one value go."""
    shape, named = node.given().shape, node.options.squeezeDims
    gone = axes(node, [int(n) for n in named]) if named is not None and len(named) else set()
    gone = gone or {axis for axis, n in enumerate(shape) if n == 1}
    node.require(all(shape[axis] == 1 for axis in gone), "it squeezes an axis of several values")
    return [tuple(n for axis, n in enumerate(shape) if axis not in gone)]


def expand(node: Node) -> list[Shape]:
    """EXPAND_DIMS."""
    shape, given = node.given().shape, integers(node, 1)
    node.require(len(given) == 1 and -len(shape) - 1 <= given[0] <= len(shape), "it has no such axis")
    place = given[0] % (len(shape) + 1)
    return [(*shape[:place], 1, *shape[place:])]


def joined(node: Node) -> list[Shape]:
    """CONCATENATION."""
    shapes = [value.shape for value in node.inputs if value is not None]
    place = axis(node, node.options.axis, len(shapes[0]))
    others = {(*shape[:place], *shape[place + 1 :]) for shape in shapes}
    node.require(len(others) == 1 and len({len(shape) for shape in shapes}) == 1, "its inputs do not fit each other")
    return [(*shapes[0][:place], sum(shape[place] for shape in shapes), *shapes[0][place + 1 :])]


def packed(node: Node) -> list[Shape]:
    """PACK."""
    shapes = [value.shape for value in node.inputs if value is not None]
    place = axis(node, node.options.axis, len(shapes[0]) + 1)
    node.require(len(set(shapes)) == 1, "its inputs do not fit each other")
    node.require(node.options.valuesCount == len(shapes), f"it packs {node.options.valuesCount} inputs")
    return [(*shapes[0][:place], len(shapes), *shapes[0][place:])]


def unpacked(node: Node) -> list[Shape]:
    """UNPACK."""
    shape = node.given().shape
    place = axis(node, node.options.axis, len(shape))
    node.require(node.options.num == shape[place], f"it unpacks {node.options.num} of {shape[place]} parts")
    return [(*shape[:place], *shape[place + 1 :])] * shape[place]


def split(node: Node) -> list[Shape]:
    """SPLIT: equal parts."""
    shape, count = node.given(1).shape, node.options.numSplits
    place = axis(node, one(node, 0), len(shape))
    node.require(count > 0 and shape[place] % count == 0, f"it splits {shape[place]} into {count}")
    return [(*shape[:place], shape[place] // count, *shape[place + 1 :])] * count


def split_sizes(node: Node) -> list[Shape]:
    """SPLIT_V: parts of sizes that are given, of which one may be the rest."""
    shape, sizes = node.given().shape, integers(node, 1)
    place = axis(node, one(node, 2), len(shape))
    rest = shape[place] - sum(n for n in sizes if n > 0)
    parts = [rest if n == -1 else n for n in sizes]
    node.require(
        sizes.count(-1) <= 1 and min(parts, default=0) > 0 and sum(parts) == shape[place],
        f"it splits {shape[place]} into {listed(sizes)}",
    )
    return [(*shape[:place], n, *shape[place + 1 :]) for n in parts]


def transposed(node: Node) -> list[Shape]:
    """TRANSPOSE."""
    shape, order = node.given().shape, integers(node, 1)
    node.require(sorted(order) == list(range(len(shape))), f"its order of axes is {listed(order)}")
    return [tuple(shape[place] for place in order)]


def sliced(node: Node) -> list[Shape]:
    """SLICE."""
    shape, begin, size = node.given().shape, integers(node, 1), integers(node, 2)
    node.require(len(begin) == len(size) == len(shape), "it has not one start and size for each axis")
    made = tuple(n - b if s == -1 else s for n, b, s in zip(shape, begin, size, strict=True))
    inside = all(b >= 0 and 1 <= m <= n - b for n, b, m in zip(shape, begin, made, strict=True))
    node.require(inside, f"it slices {listed(size)} from {listed(begin)} of {listed(shape)}")
    return [made]


def strided(node: Node) -> list[Shape]:
    """STRIDED_SLICE."""
    shape, (begin, end, step), options = node.given().shape, (integers(node, n) for n in (1, 2, 3)), node.options
    if options.ellipsisMask or options.newAxisMask or options.offset:
        raise node.refusal("it has an ellipsis, a new axis or an offset, which TFLM does not take; slice, then reshape")
    node.require(len(begin) == len(end) == len(step) == len(shape), "it has not one start, end and step for each axis")
    made = []
    for place, (n, b, e, s) in enumerate(zip(shape, begin, end, step, strict=True)):
        node.require(s != 0, "it has a step of 0")
        if options.shrinkAxisMask >> place & 1:
            node.require(-n <= b < n and s > 0, f"it takes value {b} of {n}")
            continue
        first, last = options.beginMask >> place & 1, options.endMask >> place & 1
        made.append(len(range(n)[slice(None if first else b, None if last else e, s)]))
    node.require(min(made, default=1) > 0, "it takes nothing")
    return [tuple(made)]


def padded(node: Node) -> list[Shape]:
    """PAD, PADV2."""
    return [tuple(a + n + b for n, (a, b) in zip(node.given().shape, around(node, 1), strict=True))]


def mirrored(node: Node) -> list[Shape]:
    """MIRROR_PAD: no more than there is to mirror."""
    modes = _schema().MirrorPadMode
    node.require(node.options.mode in (modes.REFLECT, modes.SYMMETRIC), "its mode is neither REFLECT nor SYMMETRIC")
    edge = 1 if node.options.mode == modes.REFLECT else 0
    ends = zip(node.given().shape, around(node, 1), strict=True)
    node.require(all(max(pads) <= n - edge for n, pads in ends), "it mirrors more than its input has")
    return padded(node)


def gathered(node: Node) -> list[Shape]:
    """GATHER."""
    shape, indices = node.given().shape, node.given(1)
    place, wanted = axis(node, node.options.axis, len(shape)), integers(node, 1)
    if node.options.batchDims:
        raise node.refusal("it has batch dimensions; gather from each by itself")
    node.require(all(0 <= n < shape[place] for n in wanted), f"it gathers beyond its {shape[place]} values")
    steps = [b - a for a, b in itertools.pairwise(wanted)]
    node.require(sum(a != b for a, b in itertools.pairwise(steps)) < COPIES, "it gathers from too many places")
    return [(*shape[:place], *indices.shape, *shape[place + 1 :])]


def depth_to_space(node: Node) -> list[Shape]:
    """DEPTH_TO_SPACE."""
    (batch, height, width, channels), size = ranked(node, 0), node.options.blockSize
    node.require(size > 0 and channels % size**2 == 0, f"its block is {size}, and its input has {channels} channels")
    return [(batch, height * size, width * size, channels // size**2)]


def space_to_depth(node: Node) -> list[Shape]:
    """SPACE_TO_DEPTH."""
    (batch, height, width, channels), size = ranked(node, 0), node.options.blockSize
    node.require(size > 0 and height % size == width % size == 0, f"its block is {size}, its image {height} x {width}")
    return [(batch, height // size, width // size, channels * size**2)]


def batch_to_space(node: Node) -> list[Shape]:
    """BATCH_TO_SPACE_ND."""
    (batch, *image, channels), (block, crops) = _blocked(node)
    count = math.prod(block)
    made = [n * size - a - b for n, size, (a, b) in zip(image, block, crops, strict=True)]
    node.require(batch % count == 0 and min(made) > 0, f"it makes {listed(made)} of {batch} parts")
    return [(batch // count, *made, channels)]


def space_to_batch(node: Node) -> list[Shape]:
    """SPACE_TO_BATCH_ND."""
    (batch, *image, channels), (block, pads) = _blocked(node)
    whole = [n + a + b for n, (a, b) in zip(image, pads, strict=True)]
    cut = all(n % size == 0 for n, size in zip(whole, block, strict=True))
    node.require(cut, f"its blocks of {listed(block)} do not fill {listed(whole)}")
    return [(batch * math.prod(block), *(n // size for n, size in zip(whole, block, strict=True)), channels)]


def _blocked(node: Node) -> tuple[Shape, tuple[list[int], list[tuple[int, int]]]]:
    shape, block = node.given().shape, integers(node, 1)
    node.require(len(shape) in (3, 4) and len(block) == len(shape) - 2, "it has not one block size for each axis")
    node.require(min(block) > 0 and math.prod(block) <= COPIES, f"its blocks are {listed(block)}")
    return shape, (block, around(node, 2, len(block)))


def broadcast(node: Node) -> list[Shape]:
    """BROADCAST_TO."""
    shape, wanted = node.given().shape, tuple(integers(node, 1))
    node.require(min(wanted, default=1) > 0, f"it repeats to {listed(wanted)}")
    node.require(repeated(node, shape, wanted) == wanted, f"{listed(shape)} does not repeat to {listed(wanted)}")
    return [wanted]


def reversed_(node: Node) -> list[Shape]:
    """REVERSE_V2."""
    given = integers(node, 1)
    node.require(len(axes(node, given)) == len(given), "it reverses an axis twice")
    return like(node)


def resized(node: Node) -> list[Shape]:
    """RESIZE_BILINEAR, RESIZE_NEAREST_NEIGHBOR."""
    (batch, _, _, channels), size, options = ranked(node, 0), integers(node, 1), node.options
    node.require(len(size) == 2 and min(size) > 0, "its second input is not a height and a width")
    node.require(max(size) <= PLACES, f"{max(size)} places are too many for a resize")
    node.require(not (options.alignCorners and options.halfPixelCenters), "it has aligned corners and half pixels")
    return [(batch, *size, channels)]


def ranked(node: Node, place: int, rank: int = 4) -> Shape:
    """The shape of an input with so many axes."""
    shape = node.given(place).shape
    node.require(len(shape) == rank, f"its input {place} is {listed(shape)}, and must have {rank} axes")
    return shape


def integers(node: Node, place: int) -> list[int]:
    """Settings that an input holds."""
    value = node.given(place)
    if value.data is None:
        raise node.refusal(f"its input {place} is computed; it must be constant")
    return [int(v) for v in value.data.ravel()]


def one(node: Node, place: int) -> int:
    """The setting that an input holds."""
    values = integers(node, place)
    node.require(len(values) == 1, f"its input {place} is not one number")
    return values[0]


def axis(node: Node, given: int, rank: int) -> int:
    """One of so many axes, counted from the first."""
    node.require(-rank <= given < rank, f"it has the axis {given} of {rank}")
    return given % rank


def axes(node: Node, given: Sequence[int]) -> set[int]:
    """Some of the input's axes, counted from the first."""
    rank = len(node.given().shape)
    return {axis(node, n, rank) for n in given}


def around(node: Node, place: int, rank: int | None = None) -> list[tuple[int, int]]:
    """Values before and behind each axis, which an input holds."""
    flat, rank = integers(node, place), len(node.given().shape) if rank is None else rank
    node.require(len(flat) == 2 * rank and min(flat, default=0) >= 0, f"its input {place} is not two numbers an axis")
    return list(zip(flat[::2], flat[1::2], strict=True))


def repeated(node: Node, one: Shape, other: Shape) -> Shape:
    """The shape to which both can be repeated."""
    rank = max(len(one), len(other))
    both = [(1,) * (rank - len(shape)) + shape for shape in (one, other)]
    fits = all(a == b or 1 in (a, b) for a, b in zip(*both, strict=True))
    node.require(fits, f"{listed(one)} and {listed(other)} do not fit each other")
    return tuple(map(max, *both)) if rank else ()


def padding(node: Node) -> bool:
    """Whether it is SAME."""
    kinds = _schema().Padding
    node.require(node.options.padding in (kinds.SAME, kinds.VALID), "its padding is neither SAME nor VALID")
    return bool(node.options.padding == kinds.SAME)


def dilation(node: Node) -> tuple[int, int]:
    """Height and width; pooling has none."""
    return getattr(node.options, "dilationHFactor", 1), getattr(node.options, "dilationWFactor", 1)


def window(node: Node, image: Sequence[int], kernel: Sequence[int], channels: int) -> list[int]:
    """Height and width of what a window that moves over an image makes."""
    same, strides, dilations = padding(node), (node.options.strideH, node.options.strideW), dilation(node)
    within(node, image, kernel, strides, dilations, channels)
    ends = zip(image, kernel, strides, dilations, strict=True)
    made = [-(-n // s) if same else (n - (k - 1) * d - 1) // s + 1 for n, k, s, d in ends]
    node.require(min(made) > 0, f"its kernel of {listed(kernel)} is larger than its input")
    return made


def within(
    node: Node, image: Sequence[int], kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int], deep: int
) -> None:
    """Raises the error for a window from which places around the image would be reckoned beyond 32 bits."""
    numbers = (*kernel, *strides, *dilations)
    node.require(
        min(numbers) >= 1 and max(numbers) <= WIDEST, f"its kernel, stride or dilation is not from 1 to {WIDEST:,}"
    )
    reach = [n + k * d + s for n, k, s, d in zip(image, kernel, strides, dilations, strict=True)]
    node.require(math.prod(reach) * deep < 2**31, "its window reaches too far")


def listed(shape: Sequence[int]) -> str:
    """A shape as a person writes it."""
    return " x ".join(map(str, shape)) or "one value"
