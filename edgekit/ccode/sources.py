"""The kernels that a model needs, in order: C files, which include those that they use.

A kernel for several types is one file, in which its types are macros: `VALUE`, what it computes with, `VALUE_MIN` and
`VALUE_MAX`, the least and the most of it, `SUM`, of products with weights, and `TYPED(name)`, a name of its own for
each type. `add` is what `add.c` is for int8, `add16` what it is for int16; `rescale_int8_int32` is `rescale.c` FROM one
type TO another. The macros are expanded here, so that the C of a model has plain types and names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from edgekit.ccode.curves import sigmoids
from edgekit.ccode.piece import array

FOLDER = Path(__file__).parent / "kernels"
INCLUDE = re.compile(r'#include "(\w+)\.c"\n+')
MACRO = re.compile(r"\bTYPED\((\w+)\)|\b(VALUE|VALUE_MIN|VALUE_MAX|SUM|FROM|TO|TO_MIN|TO_MAX)\b")
PAIR = re.compile(r"(\w+)_(u?int\d+)_(u?int\d+)")
INT8 = {"VALUE": "int8_t", "VALUE_MIN": "INT8_MIN", "VALUE_MAX": "INT8_MAX", "SUM": "int32_t"}
INT16 = {"VALUE": "int16_t", "VALUE_MIN": "INT16_MIN", "VALUE_MAX": "INT16_MAX", "SUM": "sum16"}
INSTEAD = {
    "finish_any": {"finish": "finish_any"},
    "lanes": {"lanes_whole": "lanes"},
    "limits": {"limits_full": "limits"},
    "lstm_scale_any": {"lstm_scale": "lstm_scale_any"},
    "sum64": {"sum32": "sum64", "finish16": "finish16_any", "dots16": "dots16_any"},
}
"""Where some layer needs the first, those that do the same for fewer cases give way to it."""


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
            text, suffix = source(kernel)
            for included in INCLUDE.findall(text):
                add(_for(included, suffix))
            found[kernel] = INCLUDE.sub("", text).strip()

    for kernel in wanted:
        add(kernel)
    return list(found.values())


def source(kernel: str) -> tuple[str, str]:
    """The text of a kernel, and what the names of those that are for the same type end in."""
    if kernel == "sigmoids":
        return array("SIGMOID", "uint16_t", sigmoids()), ""
    if _file(kernel).exists():
        return _expanded(kernel, INT8, ""), ""
    if types := PAIR.fullmatch(kernel):
        name, given, made = types.groups()
        low = "0" if made.startswith("u") else f"{made.upper()}_MIN"
        macros = {"FROM": f"{given}_t", "TO": f"{made}_t", "TO_MIN": low, "TO_MAX": f"{made.upper()}_MAX"}
        return _expanded(name, macros, f"_{given}_{made}"), ""
    return _expanded(kernel.removesuffix("16"), INT16, "16"), "16"


def _for(kernel: str, suffix: str) -> str:
    """The kernel for a type, where there is more than one of it."""
    if suffix and (_file(kernel + suffix).exists() or "TYPED(" in _file(kernel).read_text(encoding="ascii")):
        return kernel + suffix
    return kernel


def _file(kernel: str) -> Path:
    return FOLDER / f"{kernel}.c"


def _expanded(kernel: str, macros: dict[str, str], suffix: str) -> str:
    """A file with its macros expanded."""
    text = _file(kernel).read_text(encoding="ascii")
    return MACRO.sub(lambda macro: macro[1] + suffix if macro[1] else macros[macro[2]], text)
