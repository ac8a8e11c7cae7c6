"""`NAME_run` in C: operator after operator; where they are many, in parts, each with a stack of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain
from typing import Any

from msgspec import Struct

from edgekit.ccode.graph import Program

PART = 256
"""Operators of a part at most: compilers keep the addresses of all their tensors on the stack."""
END = re.compile(r"\b(?:input|output)\d+\b")


DIGITS = "0123456789"


class Run(Struct, frozen=True):
    """What the template needs."""

    parts: list[list[str]]
    """Statements of each function that does a part; none where one does all."""
    body: list[str]
    """Of the function itself."""
    taken: str
    """The parameters of a part beside the arena."""


def run(of: Program, name: str, operators: Sequence[dict[str, Any]], copies: list[str]) -> Run:
    """The statements that run a model.

    Args:
      name: of the model in C.
      operators: those that compute something, as the template has them.
      copies: statements at the end.
    """
    several = len(of.inputs) > 1 or len(of.outputs) > 1
    given = ("inputs", "outputs") if several else ("input0", "output0")
    kinds = {f"input{n}": f"const {value.c_type}" for n, value in enumerate(of.inputs)}
    kinds |= {f"output{n}": value.c_type for n, value in enumerate(of.outputs)}
    types = [f"const {name}_{ends}" for ends in given] if several else list(kinds.values())
    taken = ", ".join(f"{kind} *{end}" for kind, end in zip(types, given, strict=True))

    def function(statements: list[str]) -> list[str]:
        text = "\n".join(statements)
        used = set(END.findall(text)) if several else set[str]()
        ends = [f"{kind} *const {end} = {end.rstrip(DIGITS)}s->{end};" for end, kind in kinds.items() if end in used]
        unread = [word for word in (*given, "memory") if not re.search(rf"\b{word}\b", "\n".join([*ends, text]))]
        return [*ends, *(f"(void){word};" for word in unread), *statements]

    steps = [_step(place, operator) for place, operator in enumerate(operators)]
    if len(steps) <= PART:
        return Run([], function([*chain.from_iterable(steps), *copies]), taken)
    parts = [function(list(chain.from_iterable(part))) for part in batched(steps, PART)]
    calls = [f"if (part{n}({', '.join(given)}, memory) != 0) return 1;" for n in range(len(parts))]
    return Run(parts, function([*calls, *copies]), taken)


def batched(steps: list[list[str]], count: int) -> list[list[list[str]]]:
    """So many at a time."""
    return [steps[start : start + count] for start in range(0, len(steps), count)]


def _step(place: int, operator: dict[str, Any]) -> list[str]:
    """The call of an operator, which whoever measures can hear of."""
    call = f"{operator['function']}({operator['arguments']})"
    return [f"MARK({place});", f"if ({call} != 0) return 1;" if operator["fallible"] else f"{call};"]
