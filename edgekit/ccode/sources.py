"""The kernels that a model needs, in order: C files, which include those that they use."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from edgekit.ccode.curves import sigmoids
from edgekit.ccode.piece import array

FOLDER = Path(__file__).parent / "kernels"
INCLUDE = re.compile(r'#include "(\w+)\.c"\n+')
INSTEAD = {
    "finish_any": {"finish": "finish_any"},
    "lanes": {"lanes_whole": "lanes"},
    "limits": {"limits_full": "limits"},
    "lstm_scale_any": {"lstm_scale": "lstm_scale_any"},
    "sum64": {"sum32": "sum64", "finish16": "finish16_any", "block16": "block16_any"},
}
"""Where some layer needs the first, those that do the same for fewer cases give way to it."""
WIDE = "clamp larger_portable max_pool average_pool add multiply extreme reduce transpose_conv".split()
"""Kernels for 8 bits that are, but for their types and names, those for 16: `add16` is made of `add`."""


def sources(kernels: Iterable[str]) -> list[str]:
    """The texts of kernels, each once, with those that they include before them.

    Args:
      kernels: in an order in which each finds before it what it uses and does not include, because a layer chooses it.
    """
    wanted, found = list(dict.fromkeys(kernels)), dict[str, str]()
    for general, specials in INSTEAD.items():
        if general in wanted:
            wanted = [specials.get(kernel, kernel) for kernel in wanted]

    def add(kernel: str) -> None:
        if kernel not in found:
            text = _text(kernel)
            for included in INCLUDE.findall(text):
                add(included)
            found[kernel] = INCLUDE.sub("", text).strip()

    for kernel in wanted:
        add(kernel)
    return list(found.values())


def _text(kernel: str) -> str:
    narrow = kernel.removesuffix("16")
    if kernel == "sigmoids":
        return array("SIGMOID", "uint16_t", sigmoids())
    if kernel != narrow and narrow in WIDE:
        return _widened((FOLDER / f"{narrow}.c").read_text(encoding="ascii"))
    if types := re.fullmatch(r"rescale_(u?int\d+)_(u?int\d+)", kernel):
        source, made = types.groups()
        low = "0" if made[0] == "u" else f"{made.upper()}_MIN"
        text = (FOLDER / "rescale.c").read_text(encoding="ascii").replace("LOW", low)
        return text.replace("HIGH", f"{made.upper()}_MAX").replace("FROM", source).replace("TO", made)
    return (FOLDER / f"{kernel}.c").read_text(encoding="ascii")


def _widened(text: str) -> str:
    """The source of a kernel for 8 bits as that for 16."""
    names = "|".join([*WIDE, "larger", "conv"])
    text = text.replace("int8_t", "int16_t").replace("INT8_", "INT16_").replace("clamp_s8", "clamp_s16")
    text = re.sub(r"\blinear\b", "linear16", text)
    return re.sub(rf'\b({names})(?=\(|\.c")', r"\g<1>16", text)
