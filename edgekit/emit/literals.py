"""Values as C and C++ write them."""

from __future__ import annotations

import re

C_TYPES = {
    "bool": "uint8_t",
    "float16": "uint16_t",
    "float32": "float",
    "float64": "double",
    **{f"{sign}int{bits}": f"{sign}int{bits}_t" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}
"""By NumPy's name of the type."""


def c_float(value: float) -> str:
    """A float32 as a C literal that reads back as the same float32: nine digits tell all of them apart."""
    digits = f"{value:.9g}"
    return f"{digits}f" if re.search("[.e]", digits) else f"{digits}.0f"


def c_string(text: str) -> str:
    """Any text as a C literal, in UTF-8 and ASCII: what is not plain is written in octal, of which three digits are the
    most that there can be, so that none runs on into what follows; no trigraph is left."""
    plain = re.compile(rb"[A-Za-z0-9 _.:;,/()<>=+*!#$%&'@^`{|}~\[\]-]")
    data = text.encode("utf-8", "replace")
    return '"' + "".join(chr(b) if plain.match(bytes([b])) else f"\\{b:03o}" for b in data) + '"'


def c_number(value: int) -> str:
    """An integer as a C literal: the least that a type holds is an expression, because C has no negative literals."""
    if value == -(2**63):
        return "(-9223372036854775807 - 1)"
    return "(-2147483647 - 1)" if value == -(2**31) else str(value)
