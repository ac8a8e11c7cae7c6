"""Where each tensor of a model lies while its C code runs: with the caller, or in the arena."""

from __future__ import annotations

from msgspec import Struct

from edgekit.ccode.graph import Node, Program, Value
from edgekit.ccode.piece import Piece
from edgekit.ccode.plan import Plan, Span, Use, plan


class Storage(Struct, frozen=True):
    """Where a tensor lies."""

    pointer: str
    """In C, or "" where it lies in the arena;"""
    span: int = -1
    """then which part of it."""


class Memory(Struct, frozen=True):
    """The places of all tensors, by their index, and the arena."""

    storage: dict[int, Storage]
    arena: Plan

    def pointer(self, value: Value) -> str:
        """A tensor in C, of its type."""
        at = self.storage[value.index]
        if at.pointer:
            return at.pointer
        place = f"memory + {self.arena.offsets[at.span]}" if self.arena.offsets[at.span] else "memory"
        return place if value.dtype == "int8" else f"({value.c_type} *)(void *)({place})"

    def scratch(self, node: Node) -> str:
        """The extra memory of an operator, in C."""
        return f"memory + {self.arena.offsets[-1 - node.number]}"


def laid_out(of: Program, pieces: list[Piece]) -> Memory:
    """Gives every tensor, and the extra memory of every operator, its place."""
    root = _roots(of, pieces)
    storage: dict[int, Storage] = {}
    for number, value in enumerate(of.inputs):
        storage.setdefault(root[value.index], Storage(f"input{number}"))
    for number, value in enumerate(of.outputs):
        storage.setdefault(root[value.index], Storage(f"output{number}"))
    last: dict[int, int] = {}
    for node in of.nodes:
        for used in (v for v in node.inputs if v is not None):
            last[root[used.index]] = node.number
    uses: dict[int, list[Use]] = {}
    for value in of.states:
        storage[value.index] = Storage("", value.index)
        uses[value.index] = [Use(0, of.nodes[-1].number, value.bytes)]
    for node, p in zip(of.nodes, pieces, strict=True):
        now = node.number
        if p.scratch:
            uses[-1 - now] = [Use(now, now, p.scratch)]
        if p.alias:
            continue
        for made in node.outputs:
            index = root[made.index]
            if index in storage:
                continue
            into = _overwritten(node, p, root, storage, last) if len(node.outputs) == 1 else None
            storage[index] = Storage("", index if into is None else storage[into].span)
            uses.setdefault(storage[index].span, []).append(Use(now, last.get(index, now), made.bytes))
    spans = [Span(name, tuple(of_it)) for name, of_it in uses.items()]
    for value in of.values.values():
        if root[value.index] in storage:
            storage[value.index] = storage[root[value.index]]
    return Memory(storage, plan(spans))


def _roots(of: Program, pieces: list[Piece]) -> dict[int, int]:
    """For each tensor the one whose memory it has."""
    root = {index: index for index in of.values}
    for node, p in zip(of.nodes, pieces, strict=True):
        if p.alias:
            source = node.inputs[0]
            assert source
            root[node.outputs[0].index] = root[source.index]
    return root


def _overwritten(
    node: Node, p: Piece, root: dict[int, int], storage: dict[int, Storage], last: dict[int, int]
) -> int | None:
    """An input in the arena that nobody reads any more, where the output may lie."""
    if not p.in_place:
        return None
    for value in node.inputs:
        if value is None or value.data is not None or value.state or value.bytes < node.outputs[0].bytes:
            continue
        index = root[value.index]
        readers = [v for v in node.inputs if v is not None and root[v.index] == index]
        if storage[index].span >= 0 and last[index] == node.number and len(readers) == 1:
            return index
    return None
