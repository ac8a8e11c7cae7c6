"""The bytes of a model as initializers of a C array.

A plain array of bytes is what a person expects and can read, but gcc keeps every element as a node of its own: 5 MiB
take it 6 to 8 s and more than 500 MB. The same bytes as 64-bit words are an eighth of the nodes and compile within
1.5 s. `benchmarks/carray_compile.py` measures both, and the string literals that were not chosen: they compile fastest,
but `-Wpedantic` warns about literals beyond 4095 characters, and C++ has no room for one without its closing zero.
"""

from __future__ import annotations

from collections.abc import Iterator

PLAIN_BELOW = 256 * 1024
"""Models of fewer bytes are plain arrays of bytes."""


def byte_rows(data: bytes) -> Iterator[str]:
    """Rows of 16 bytes: `0x1c,0x00,…`."""
    for start in range(0, len(data), 16):
        row = data[start : start + 16].hex(",")
        yield "0x" + row.replace(",", ",0x") + ","


def word_rows(data: bytes) -> Iterator[str]:
    """Rows of four 64-bit words in little-endian order, the last filled up with zeros: `0x00000000334c4654u,…`."""
    data = data + bytes(-len(data) % 8)
    for start in range(0, len(data), 32):
        row = (data[at : at + 8][::-1].hex() for at in range(start, min(start + 32, len(data)), 8))
        yield ",".join(f"0x{word}u" for word in row) + ","
