"""The kernels for values of 16 bits: their order, what they need, and those that are written once for 8 bits."""

from __future__ import annotations

import re

from edgekit.ccode.curves import sigmoids
from edgekit.ccode.piece import array

ORDER = (
    "clamp16 sum32 sum64 linear16 finish16 finish16_any word16 dense16_portable dense16_dsp dots16_portable dots16_dsp "
    "block16 block16_any finish16_pair conv16 depthwise16 dsp_max16 larger16_portable larger16_dsp max_pool16 "
    "average_pool16 add16 multiply16 extreme16 rescale16 rescale_to_8 rescale_from_8 sigmoids16 logistic16 tanh16 "
    "softmax16"
).split()
"""Kernels may use those before them, and those for 8 bits."""
RESCALING = ("rescale16", "rescale_to_8", "rescale_from_8")
USED_BY = {
    "word16": {"dots16_dsp", "dense16_dsp", "larger16_dsp"},
    "dsp_max16": {"larger16_dsp"},
    "dsp_pairs": {"dots16_dsp", "dense16_dsp"},
    "dsp_word": {"dots16_dsp", "dense16_dsp"},
    "clamp": {"rescale_to_8"},
    "clamp16": {"finish16", "finish16_any", "max_pool16", "average_pool16", "add16", "multiply16", *RESCALING},
    "requantize": {"finish16_any", "add16", "multiply16", "softmax16", *RESCALING},
}
"""What needs a kernel that is no operator."""
WIDENED = {
    "clamp16": "clamp",
    "larger16_portable": "larger_portable",
    **{f"{name}16": name for name in ("max_pool", "average_pool", "add", "multiply", "extreme")},
}
"""Kernels for 16 bits by those for 8 that they are, but for their types and names."""


def widest(needed: set[str]) -> set[str]:
    """The kernels of a model, with one kind of sums: of 64 bits where any layer's have them."""
    if "sum64" not in needed:
        return needed
    wide = {"block16_any"} if "block16" in needed else set()
    return (needed | wide) - {"sum32", "finish16", "block16"}


def widened(text: str) -> str:
    """The source of a kernel for 8 bits as that for 16."""
    text = text.replace("int8_t", "int16_t").replace("INT8_", "INT16_").replace("clamp_s8", "clamp_s16")
    return re.sub(r"\b(larger|max_pool|average_pool|add|multiply|extreme)\(", r"\g<1>16(", text)


def sigmoid_table() -> str:
    """What `logistic16` and `tanh16` look up."""
    return array("SIGMOID16", "uint16_t", sigmoids())
