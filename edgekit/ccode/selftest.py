"""A test of standalone C on the device itself: the golden vectors, and a function that runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.ccode.layers import array

if TYPE_CHECKING:
    import numpy as np


def selftest(name: str, inputs: list[np.ndarray], outputs: list[np.ndarray]) -> dict[str, str]:
    """C sources of `int NAME_selftest(void)`: the number of golden vectors whose outputs differ, 0 if all agree.

    Args:
      name: of the model's symbols.
      inputs, outputs: stored values (N, …) of each.
    """
    macro, count = name.upper(), len(inputs[0])
    several = len(inputs) > 1 or len(outputs) > 1
    lines = [f'#include "{name}_selftest.h"', "", f'#include "{name}.h"', "", "#include <string.h>", ""]
    for way, arrays in (("input", inputs), ("output", outputs)):
        for number, values in enumerate(arrays):
            lines += [array(f"golden_{way}{number}", f"{values.dtype}_t", values.reshape(-1)), ""]
    made = [f"    static {o.dtype}_t made{n}[{o[0].size}];" for n, o in enumerate(outputs)]
    given = [f"golden_input{n} + vector * {x[0].size}" for n, x in enumerate(inputs)]
    if several:
        run = [
            f"    const {name}_inputs inputs = {{{', '.join(given)}}};",
            f"    const {name}_outputs outputs = {{{', '.join(f'made{n}' for n in range(len(outputs)))}}};",
            f"    int wrong = {name}_run(&inputs, &outputs, arena);",
        ]
    else:
        run = [f"    int wrong = {name}_run({given[0]}, made0, arena);"]
    compared = [
        f"    wrong |= memcmp(made{n}, golden_output{n} + vector * {o[0].size}, {o[0].size});"
        for n, o in enumerate(outputs)
    ]
    lines += [
        f"int {name}_selftest(void) {{",
        f"  static int32_t arena[{macro}_ARENA_BYTES / 4 + 1];",
        "  int differing = 0;",
        f"  for (int vector = 0; vector < {count}; vector++) {{",
        *made,
        *run,
        *compared,
        "    differing += wrong != 0;",
        "  }",
        "  return differing;",
        "}",
        "",
    ]
    header = [
        f"#ifndef {macro}_SELFTEST_H",
        f"#define {macro}_SELFTEST_H",
        "",
        "#ifdef __cplusplus",
        'extern "C" {',
        "#endif",
        "",
        f"/* Runs the {count} golden vectors; returns how many have other outputs than when the model was built. */",
        f"int {name}_selftest(void);",
        "",
        "#ifdef __cplusplus",
        "}",
        "#endif",
        "",
        "#endif",
        "",
    ]
    return {f"{name}_selftest.h": "\n".join(header), f"{name}_selftest.c": "\n".join(lines)}
