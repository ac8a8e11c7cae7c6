"""What explains that two builds differ: what decided them, and what the bytes of their files are for."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from msgspec import Struct

from edgekit.engine.make import changes
from edgekit.flatbuffer.names import read_named
from edgekit.records.baseline import Release
from edgekit.report.changes import Reason


class Content(Struct, frozen=True):
    """What the bytes of a `.tflite` are for."""

    bytes: int
    sha256: str
    macs: int
    parameters: int
    operators: dict[str, int]
    """How many of each kind, with their versions."""
    layers: dict[str, tuple[int, int]]
    """Bytes of constants and multiply-accumulates of each operator, by the tensor that it makes."""


def content(path: str) -> Content:
    """What is in a `.tflite`.

    Raises:
      ModelError: it is none.
    """
    graph = read_named(Path(path))
    layers: dict[str, tuple[int, int]] = {}
    seen: set[int] = set()
    for operator in graph.operators:
        name = graph.tensors[operator.outputs[0]].name if operator.outputs else operator.name
        size = sum(graph.tensors[i].bytes for i in {*operator.inputs} - seen if i >= 0)
        seen |= set(operator.inputs)
        already = layers.get(name, (0, 0))
        layers[name] = (already[0] + size, already[1] + operator.macs)
    kinds = Counter(f"{op.name} v{op.version}" for op in graph.operators)
    return Content(graph.bytes, graph.sha256, graph.macs, graph.parameters, dict(sorted(kinds.items())), layers)


def decisions(a: Release, b: Release) -> list[Reason]:
    """What decided the builds: inputs, settings, versions; and what the stages made."""
    reasons = []
    if a.report.model.sha256 != b.report.model.sha256:
        reasons.append(Reason("model", f"{b.report.model.source} changed"))
    for name in sorted(a.versions.keys() | b.versions.keys()):
        if a.versions.get(name) != b.versions.get(name):
            reasons.append(Reason("version", f"{name} {a.versions.get(name, 'none')} → {b.versions.get(name, 'none')}"))
    before, after = ({k: v for k, v in r.settings.items() if k != "budget"} for r in (a, b))
    reasons += [Reason("setting", text) for text in changes(before, after, "")]
    if a.report.machine != b.report.machine:
        said = f"{a.report.machine.cpu} → {b.report.machine.cpu}; times are compared by build --baseline=NAME"
        reasons.append(Reason("machine", said))
    rows = [{row.name: row for row in side.report.stages if row.model_size is not None} for side in (a, b)]
    for name in [*rows[0], *(n for n in rows[1] if n not in rows[0])]:
        one, two = (side.get(name) for side in rows)
        if one is None or two is None:
            reasons.append(Reason("stage", f"{name} {'added' if one is None else 'removed'}"))
        elif (one.model_size, one.accuracy, one.macs) != (two.model_size, two.accuracy, two.macs):
            said = ", ".join(
                f"{what} {x:,.10g} → {y:,.10g}"
                for what, x, y in (
                    ("bytes", one.model_size, two.model_size),
                    ("accuracy", one.accuracy, two.accuracy),
                    ("multiply-accumulates", one.macs, two.macs),
                )
                if x is not None and y is not None and x != y
            )
            reasons.append(Reason("stage", f"{name}: {said}"))
    return reasons


def contents(a: Content, b: Content) -> list[Reason]:
    """What of the file changed, by operator and layer, the most bytes first; and what that leaves unexplained."""
    reasons = []
    for kind in sorted(a.operators.keys() | b.operators.keys()):
        if a.operators.get(kind, 0) != b.operators.get(kind, 0):
            reasons.append(Reason("operator", f"{kind}: {a.operators.get(kind, 0)} → {b.operators.get(kind, 0)}"))
    layers = []
    for name in [*a.layers, *(n for n in b.layers if n not in a.layers)]:
        (size, macs), (new_size, new_macs) = a.layers.get(name, (0, 0)), b.layers.get(name, (0, 0))
        if (size, macs) != (new_size, new_macs):
            said = [f"{size:,} → {new_size:,} B"] if size != new_size else []
            said += [f"{macs:,} → {new_macs:,} multiply-accumulates"] if macs != new_macs else []
            layers.append(Reason("layer", f"{name.split(';')[0]}: {', '.join(said)}", new_size - size))
    layers.sort(key=lambda reason: -abs(reason.bytes))
    rest = b.bytes - a.bytes - sum(reason.bytes for reason in layers)
    if rest:
        layers.append(Reason("rest", f"names, quantization and structure of the file: {rest:+,} B", rest))
    return reasons + layers
