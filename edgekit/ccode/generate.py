"""A `.tflite` as C11 that needs no interpreter: one function, its constants, one arena planned here."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from edgekit.ccode.cmsis import BUFFER
from edgekit.ccode.contract import check_tensors
from edgekit.ccode.graph import Node, Program, Value, program
from edgekit.ccode.memory import Memory, laid_out
from edgekit.ccode.operators import OPERATORS, piece
from edgekit.ccode.piece import Kernels, Piece, Style
from edgekit.ccode.plan import Plan
from edgekit.ccode.prefix import prefixed
from edgekit.ccode.run import run
from edgekit.ccode.settle import settled
from edgekit.ccode.sources import FOLDER, sources
from edgekit.ccode.tables import tables as unary
from edgekit.emit.c_array import in_comment
from edgekit.emit.identifier import c_identifier
from edgekit.emit.render import render
from edgekit.engine.libraries import READING, TOOLS
from edgekit.engine.stage import Work, stage
from edgekit.errors import ModelError
from edgekit.flatbuffer.graph import Graph
from edgekit.flatbuffer.names import with_tensor_names
from edgekit.flatbuffer.read import parse_graph
from edgekit.types import Artifact, TensorSpec

TENSOR = re.compile(r"\{([xy]\d+|scratch)\}")
"""What stands for a tensor in a statement."""
PARAMETERS = 32
"""Tensors that a function of the code takes at most: they lie on the stack."""
DECODERS = 1024
"""Bytes of code at most that decodes weights: what tables have to save in a model."""


class Code(Struct, frozen=True):
    """The sources of a model."""

    name: str
    kernels: Kernels
    files: dict[str, str]
    arena: int
    """Bytes."""
    bound: int
    """The most that is needed at once: no plan can do with less."""
    weights: int
    """Bytes of constants that come from the model."""
    operators: tuple[str, ...]
    """Labels of those that compute something, in their order."""
    peak: str
    """The operator during which the most of the arena is in use."""
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    stateful: bool
    """Whether it has states, which `NAME_reset` puts back to their start."""
    library: tuple[str, ...] = ()
    """C files of others that have to be compiled with it,"""
    includes: tuple[str, ...] = ()
    """and folders of headers that it needs."""
    saved: int | None = None
    """Bytes of weights that tables save; None where there may be none."""
    headless: bool = False
    """Whether it is a detector that ends before its last operator, with encoded boxes and scores."""

    @property
    def sizes(self) -> tuple[list[int], list[int]]:
        """Bytes of each input and output."""
        inputs, outputs = ([_bytes(spec) for spec in of] for of in (self.inputs, self.outputs))
        return inputs, outputs


def _bytes(spec: TensorSpec) -> int:
    import numpy as np

    return math.prod(spec.shape) * np.dtype(spec.dtype).itemsize


@stage("standalone C", process=TOOLS, libraries=("numpy", "jinja2", *READING))
def generate_file(
    work: Work,
    model: Artifact,
    name: str,
    kernels: Kernels,
    names: Artifact | None,
    tables: bool = False,
    shipped: str = "",
) -> Code:
    """Writes the sources of a `.tflite` to a folder, and says the rest; in a process for TFLM.

    Args:
      names: file with those of its tensors, if it lacks them.
      tables: whether weights become indexes into tables where that takes fewer bytes.
      shipped: SHA-256 of what ships, if this is its twin without lookup tables.

    Raises:
      ModelError: it cannot be written as C; names the operator.
    """
    from edgekit.flatbuffer.names import beside, read_named

    path = Path(model.path)
    graph = read_named(path, Path(names.path) if names else beside(path))
    try:
        labels = tuple(tensor.name for tensor in graph.tensors)
        code = generate(path.read_bytes(), name, kernels, labels, tables, shipped, graph)
    except ModelError as problem:
        raise ModelError(f"{model.path}: {problem}") from None
    for file, text in code.files.items():
        (work.folder / file).write_text(text, encoding="ascii")
    return replace(code, files={})


def generate(
    content: bytes,
    name: str,
    kernels: Kernels = "portable",
    names: tuple[str, ...] = (),
    tables: bool = False,
    shipped: str = "",
    graph: Graph | None = None,
) -> Code:
    """The C sources of a model, `NAME.h` and `NAME.c`; the same for the same bytes and settings.

    Args:
      content: a `.tflite` that `edgekit.flatbuffer.read` accepts.
      name: of the symbols; any text, made an identifier.
      kernels: `portable`, `dsp` for Cortex-M4, M7, M33 and M55, or `cmsis-nn`, with calls of Arm's library.
      names: of its tensors, if it lacks them.
      tables: whether weights become indexes into tables where that takes fewer bytes; decoding takes time.
      shipped: SHA-256 of what ships, if this is its twin without lookup tables.
      graph: what `edgekit.flatbuffer.read` made of the content, where it has been read.

    Raises:
      ModelError: it cannot be written; names the operator.
    """
    given = graph or parse_graph(content, "the model")
    (graph, headless), sha256 = settled(given), given.sha256
    of, name = program(with_tensor_names(graph, names)), c_identifier(name)
    check_tensors(of, OPERATORS)
    style = Style(kernels, unary(graph.content), tables)
    pieces = [piece(node, style) for node in of.nodes]
    if sum(p.saved for p in pieces) < DECODERS:
        style = replace(style, tables=False)
        pieces = [piece(node, style) if p.saved else p for node, p in zip(of.nodes, pieces, strict=True)]
    memory = laid_out(of, pieces)
    if any(p.grows for p in pieces):
        larger = _grown(of, pieces, style, memory.arena)
        wider = laid_out(of, larger)
        if wider.arena.bytes <= memory.arena.bytes:
            pieces, memory = larger, wider
    saved, pieces = sum(p.saved for p in pieces), _shared(pieces)
    operators = [part for node, p in zip(of.nodes, pieces, strict=True) for part in _operator(node, p, memory)]
    facts = {
        "name": name,
        "macro": name.upper(),
        "sha256": sha256,
        "headless": headless,
        "shipped": shipped if shipped != sha256 else "",
        "kernels": kernels,
        "arena": memory.arena.bytes,
        "bound": memory.arena.bound,
        "several": len(of.inputs) > 1 or len(of.outputs) > 1,
        "inputs": [_end(value) for value in of.inputs],
        "outputs": [_end(value) for value in of.outputs],
        "defines": _defines(pieces),
        "texts": sources(kernel for p in pieces for kernel in p.kernels),
        "operators": operators,
        "fails": list(dict.fromkeys(p.fails for p in pieces if p.fails)),
        "calls_cmsis_nn": any(p.fails == BUFFER for p in pieces),
        "run": run(of, name, operators, _copies(of, memory)),
        "resets": [_reset(value, memory) for value in of.states],
    }
    weights = sum(v.bytes for v in of.values.values() if v.data is not None) - saved
    code = prefixed(render("model.c.jinja", facts, FOLDER), name)
    files = {f"{name}.h": render("model.h.jinja", facts, FOLDER), f"{name}.c": code}
    labels = tuple(f"{op['kind']} {op['label']}" for op in operators)
    inputs, outputs = (tuple(value.spec for value in ends) for ends in (of.inputs, of.outputs))
    sizes = memory.arena.bytes, memory.arena.bound, weights
    peak = next((f"{node.kind} {node.label}" for node in of.nodes if node.number == memory.arena.peak), "")
    told, lasting = saved if tables else None, bool(of.states)
    return Code(name, kernels, files, *sizes, labels, peak, inputs, outputs, lasting, saved=told, headless=headless)


def _grown(of: Program, pieces: list[Piece], style: Style, planned: Plan) -> list[Piece]:
    """The operators with what is left of the arena while they run."""
    rooms = {node.number: planned.bytes - planned.used.get(node.number, 0) for node in of.nodes}
    return [
        piece(node, replace(style, room=rooms[node.number])) if p.grows else p
        for node, p in zip(of.nodes, pieces, strict=True)
    ]


def _shared(pieces: list[Piece]) -> list[Piece]:
    """The same operators, where a constant that an earlier one has is not there again."""
    first: dict[tuple[str, str], str] = {}
    renamed: dict[str, str] = {}

    def reworded(text: str) -> str:
        return re.sub(r"\bop\d+\w*", lambda name: renamed.get(name[0], name[0]), text)

    made = []
    for p in pieces:
        constants = []
        for constant in p.constants:
            declared, value = constant.split(" = ", 1)
            kind, name = declared.split("[")[0].rsplit(" ", 1)
            value = value if "[" in declared else reworded(value)
            renamed[name] = first.setdefault((kind, value), name)
            if renamed[name] == name:
                constants.append(f"{declared} = {value}")
        made.append(replace(p, constants=constants, calls=[reworded(call) for call in p.calls]))
    return made


def _operator(node: Node, p: Piece, memory: Memory) -> list[dict[str, Any]]:
    """What the template needs of an operator: one function, or several, where one would have too many parameters."""
    inputs = {f"x{n}": v for n, v in enumerate(node.inputs) if v is not None and v.data is None}
    outputs = {f"y{n}": v for n, v in enumerate(node.outputs)}
    function, made = f"op{node.number}_{c_identifier(node.kind).lower()}", list[dict[str, Any]]()
    for number, (calls, used) in enumerate(_parts(p.calls)):
        tensors = [(k, v) for k, v in (*inputs.items(), *outputs.items()) if k in used]
        parameters = [f"{'' if k in outputs or v.state else 'const '}{v.c_type} *{k}" for k, v in tensors]
        arguments = [memory.pointer(v) for _, v in tensors]
        if "scratch" in used:
            parameters.append("int8_t *scratch")
            arguments.append(memory.scratch(node))
        names = {k: k for k in used}
        made.append(
            {
                "number": node.number,
                "kind": in_comment(node.kind),
                "label": in_comment(node.label),
                "function": f"{function}_{number}" if number else function,
                "shapes": f"{_shapes(inputs.values())} to {_shapes(outputs.values())}",
                "parameters": ", ".join(parameters),
                "arguments": ", ".join(arguments),
                "constants": [] if number else p.constants,
                "fallible": bool(p.fails),
                "calls": [call.format_map(names) for call in calls],
            }
        )
    return made


def _parts(calls: list[str]) -> Iterator[tuple[list[str], set[str]]]:
    """Statements of one function, and the tensors that they use; in several parts where these are many."""
    part: list[str] = []
    used: set[str] = set()
    for call in calls:
        own = set(TENSOR.findall(call))
        if part and len(used | own) > PARAMETERS:
            yield part, used
            part, used = [], set()
        part.append(call)
        used |= own
    if part:
        yield part, used


def _shapes(values: Iterable[Value]) -> str:
    """Of tensors, as a comment has them."""
    shapes = [" x ".join(map(str, value.shape)) for value in values]
    return ", ".join(shapes if len(shapes) <= PARAMETERS else [*shapes[:PARAMETERS], "..."])


def _copies(of: Program, memory: Memory) -> list[str]:
    """Outputs that are another's memory, or an input's."""
    found = []
    for number, value in enumerate(of.outputs):
        pointer = memory.pointer(value)
        if pointer != f"output{number}":
            found.append(f"memcpy(output{number}, {pointer}, {value.bytes});")
    return found


def _reset(value: Value, memory: Memory) -> str:
    """A state's start.  Source: TFLM, tensorflow/lite/micro/micro_interpreter_graph.cc, `ResetVariableTensors`."""
    start = value.zero if value.dtype == "int8" else 0
    return f"memset({memory.pointer(value)}, {start}, {value.bytes});"


def _end(value: Value) -> dict[str, Any]:
    return {
        "name": in_comment(value.name),
        "shape": " x ".join(map(str, value.shape)),
        "bytes": value.bytes,
        "dtype": value.dtype,
        "type": value.c_type,
        "scale": f"{value.scale:.9g}",
        "zero": value.zero,
        "normalized": bool(value.multiply),
        "index": not value.scales,
    }


def _defines(pieces: list[Piece]) -> dict[str, int]:
    """What kernels take as constants: the most that any operator needs."""
    found: dict[str, int] = {}
    for name, value in (item for p in pieces for item in p.defines.items()):
        found[name] = max(value, found.get(name, value))
    return found
