"""What changed between two builds, and what explains it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from msgspec import Struct

from edgekit.engine import worker
from edgekit.engine.limits import Look, limits
from edgekit.engine.make import changes
from edgekit.errors import ProjectError
from edgekit.flatbuffer.names import read_named
from edgekit.profile.project import Project
from edgekit.records.baseline import Release, load_baseline, of, released
from edgekit.records.figures import ORDER, figures, of_device
from edgekit.report.console import print_table
from edgekit.report.text import printable, shown
from edgekit.report.types import Report
from edgekit.types import Measurement
from edgekit.units import show


class Change(Struct, frozen=True):
    """A figure before and after."""

    name: str
    unit: str
    before: float | None
    after: float | None
    runtime: str
    apart: bool
    """Whether the intervals do not touch; of exact figures, whether they differ."""
    note: str = ""
    """What a reader has to know of the change."""


class Reason(Struct, frozen=True):
    """Something that changed and may explain a figure."""

    kind: str
    """`model`, `data`, `setting`, `version`, `machine`, `stage`, `operator`, `layer` or `rest`."""
    what: str
    bytes: int = 0
    """By how much the file grew for it, where that is known."""


class CompareResult(Struct, frozen=True):
    """Two builds side by side."""

    before: str
    after: str
    same_file: bool
    figures: list[Change]
    reasons: list[Reason]


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


class _Side(Struct, frozen=True):
    label: str
    path: Path | None
    release: Release | None


def compare(project: Project, before: str, after: str) -> CompareResult:
    """Compares two builds, a baseline and a build, or two files.

    Args:
      before, after: each the folder of a build, a `.tflite`, or `NAME/TARGET/MODEL` of a baseline; where the other one
        is a build, a baseline's `NAME` will do.

    Raises:
      ProjectError: one of them is nothing of that.
      OutputError, ModelError: it is damaged.
    """
    old, new = _side(project, before, after), _side(project, after, before)
    contents = [_content(side) for side in (old, new)]
    changed = _figures(old, new, contents)
    reasons = _decisions(old, new) if old.release and new.release else []
    if contents[0] and contents[1]:
        reasons += _contents(contents[0], contents[1])
    return CompareResult(old.label, new.label, _sha256(old, contents[0]) == _sha256(new, contents[1]), changed, reasons)


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


def _side(project: Project, text: str, other: str) -> _Side:
    path = Path(text)
    if path.is_file():
        return _Side(text, path, None)
    if path.is_dir():
        return _Side(text, path / "model.tflite", released(path))
    name, *key = text.split("/")
    if not key and Path(other).is_dir():
        key = list(Path(other).absolute().parts[-2:])
    if len(key) != 2:
        there = ", ".join(f"{name}/{key}" for key in load_baseline(project, name).releases)
        raise ProjectError(f"{text}: not a file, a build's folder or NAME/TARGET/MODEL of a baseline; there is {there}")
    found = of(project, name, *key)
    return _Side(f"baseline {text}", Path(found.file.path) if found.file else None, found.release)


def _sha256(side: _Side, found: Content | None) -> str:
    return found.sha256 if found else side.release.shipped.sha256 if side.release else ""


def _content(side: _Side) -> Content | None:
    return (
        worker.call_confined(content, str(side.path), returns=Content, **limits(side.path, Look.READ))
        if side.path
        else None
    )


def _figures(old: _Side, new: _Side, contents: list[Content | None]) -> list[Change]:
    measured = [_measured(side, found) for side, found in zip((old, new), contents, strict=True)]
    names = [n for n in ORDER if any(n in side for side in measured)]
    names += [n for n in dict.fromkeys(n for side in measured for n in side) if n not in ORDER]
    changed = []
    for name in names:
        a, b = (side.get(name) for side in measured)
        known = a or b
        assert known
        apart, note = a is not None and b is not None and _apart(a, b), ""
        if a and b and of_device(a) and of_device(b):
            apart = a.value != b.value  # what an estimate does not know of a core is the same on both sides
        elif known.unit == "ns" and a and b:
            apart, note = _timed(name, old, new)
        values = (a.value if a else None, b.value if b else None)
        changed.append(Change(name, known.unit, *values, (b or known).runtime, apart, note))
    return changed


def _timed(name: str, old: _Side, new: _Side) -> tuple[bool, str]:
    """Of a time, whether it changed, which only the same rounds can tell, and what they say."""
    same = new.release is not None and _same(new.release.report, old)
    changes = new.release.report.measurements if same and new.release else []
    change = next((m for m in changes if m.name == f"{name}_change" and not of_device(m)), None)
    if change is None or change.value is None or change.low is None or change.high is None:
        return False, "timed at another time: build --baseline=NAME times both in the same rounds"
    said = f"in the same rounds {change.value:+.1f} % ({change.low:+.1f} … {change.high:+.1f})"
    return change.low > 0 or change.high < 0, said


def _same(report: Report, old: _Side) -> bool:
    """Whether a build was held against the other one."""
    return (
        report.baseline is not None and old.release is not None and report.baseline.sha256 == old.release.shipped.sha256
    )


def _measured(side: _Side, found: Content | None) -> dict[str, Measurement]:
    """The figures of what ships: of a build all, of a file what the file says."""
    if side.release:
        return figures(side.release.report.measurements, side.release.report.shipped)
    assert found
    sizes = [("model_size", found.bytes, "B"), ("macs", found.macs, "1"), ("parameters", found.parameters, "1")]
    return {name: Measurement(name, value, unit) for name, value, unit in sizes}


def _apart(a: Measurement, b: Measurement) -> bool:
    assert a.value is not None and b.value is not None
    low, high = (a.value if a.low is None else a.low), (a.value if a.high is None else a.high)
    return (b.value if b.high is None else b.high) < low or (b.value if b.low is None else b.low) > high


def _decisions(old: _Side, new: _Side) -> list[Reason]:
    """What decided the builds: inputs, settings, versions; and what the stages made."""
    assert old.release and new.release
    a, b = old.release, new.release
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
                f"{what} {x:,.6g} → {y:,.6g}"
                for what, x, y in (
                    ("bytes", one.model_size, two.model_size),
                    ("accuracy", one.accuracy, two.accuracy),
                    ("multiply-accumulates", one.macs, two.macs),
                )
                if x is not None and y is not None and x != y
            )
            reasons.append(Reason("stage", f"{name}: {said}"))
    return reasons


def _contents(a: Content, b: Content) -> list[Reason]:
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


@shown
def print_comparison(found: CompareResult) -> None:
    """Figures before and after, and what explains them."""
    print(f"{found.before} → {found.after}{': the same file' if found.same_file else ''}")
    print_table(
        ["figure", "before", "after", "change", "", "runtime"],
        [
            [
                change.name,
                show(change.before, change.unit),
                show(change.after, change.unit),
                _change(change),
                change.note or ("" if change.apart or change.before == change.after else "within the intervals"),
                change.runtime,
            ]
            for change in found.figures
        ],
        right=(1, 2, 3),
    )
    if found.reasons:
        print()
        print_table(["why", ""], [[reason.kind, printable(reason.what, 300)] for reason in found.reasons])


def _change(change: Change) -> str:
    if change.before is None or change.after is None or change.before == change.after:
        return ""
    by = change.after - change.before
    if change.unit in ("%", "points") or not change.before:
        return f"{by:+.2f}"
    return f"{100 * by / change.before:+.1f} %"
