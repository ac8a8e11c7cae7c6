"""Recipes side by side: what each gave, which none beats, as a table and a figure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec import Struct

from edgekit.measure.limits import AT_LEAST, NAMED
from edgekit.report.changes import are_apart, valued
from edgekit.report.figures import of_device
from edgekit.report.front import unbeaten
from edgekit.report.markup import table
from edgekit.types import Measurement

STUDY: Final = "edgekit.study/1"
LEAST = {*(NAMED.get(name, name) for name in AT_LEAST), "fidelity"}
TITLES = {"model_size": "size", "download_size": "deflated", "macs": "MACs"}
"""What some figures are called in tables; the others by their names."""
UNITS = {"B": ("KiB", 1024.0), "ns": ("ms", 1e6), "1": ("thousands", 1000.0)}
"""Of the axes of the figure."""
USUAL = ("model_size", "download_size", "parameters", "macs", "arena", "latency_p50")
"""What is shown in any case."""


class StudyResult(Struct, frozen=True):
    """What a recipe gave."""

    name: str
    techniques: tuple[str, ...]
    """In the order in which they were applied."""
    model_size: int
    """Bytes of the `.tflite` that would ship."""
    download_size: int
    """The same, deflated."""
    parameters: int
    macs: int
    accuracy: float | None
    """Percent of the evaluation set; the ends of its 95 % interval follow."""
    accuracy_low: float | None
    accuracy_high: float | None
    latency_ns: float | None
    """Median in the shipping runtime, on this machine."""
    arena: int | None
    """RAM of its tensors in bytes, where the shipping runtime has an arena."""
    seconds: float
    """That the stages took."""
    figures: dict[str, Measurement] = {}
    """All that are shown: those above, what the target limits, and those of the device."""
    pareto: bool = False
    """Whether no other recipe is as good in all of `Study.qualities` and `Study.costs`, and better in one of them."""


class Failure(Struct, frozen=True):
    """A recipe that could not be built."""

    name: str
    techniques: tuple[str, ...]
    """In the order in which they were to be applied."""
    reason: str


class Study(Struct, frozen=True):
    """`study.json`."""

    schema: Literal["edgekit.study/1"]
    model: str
    target: str
    outcomes: list[StudyResult]
    orders: list[str]
    """For techniques that were applied in several orders, which one did best."""
    failures: list[Failure] = []
    """The recipes that this model, or this target, does not allow."""
    qualities: list[str] = []
    """Figures of what the model answers, by which the front is drawn,"""
    costs: list[str] = []
    """and those of what it costs: all that the target limits."""


def front(outcomes: Sequence[StudyResult], qualities: Sequence[str], costs: Sequence[str]) -> list[StudyResult]:
    """The outcomes with their place on the Pareto front."""
    names = [*qualities, *costs]

    def steps(one: StudyResult, other: StudyResult) -> list[int]:
        return [_step(one.figures.get(name), other.figures.get(name)) for name in names]

    known = [one for one in outcomes if any(name in one.figures for name in qualities)]
    best = [one for one, stays in zip(known, unbeaten(known, steps), strict=True) if stays]
    return [msgspec.structs.replace(one, pareto=one in best) for one in outcomes]


def _step(one: Measurement | None, other: Measurement | None) -> int:
    """1 where a figure is better than the other, -1 where it is worse. Times of the build host are told apart by their
    intervals: by chance each recipe would have its best time."""
    if one is None or other is None:
        return (one is not None) - (other is not None)
    a, b = one.value or 0.0, other.value or 0.0
    if one.unit == "ns" and not (of_device(one) or are_apart(one, other)):
        return 0
    return (a > b) - (a < b) if more_is_better(one) else (a < b) - (a > b)


def more_is_better(m: Measurement) -> bool:
    """Which way a figure is good; of a metric it says so itself."""
    base = m.name.partition(".")[0]
    return "lower is better" not in m.reason if base == "metric" else base in LEAST


def columns(study: Study) -> list[str]:
    """The figures that are shown, those that decide first."""
    there = [name for outcome in study.outcomes for name in outcome.figures]
    return [name for name in dict.fromkeys([*study.qualities, *study.costs, *USUAL, *there]) if name in there]


def title(name: str) -> str:
    """What a figure is called in tables."""
    return TITLES.get(name, name)


def cell(outcome: StudyResult, name: str, interval: bool) -> str:
    """A figure of a recipe, with its interval if wanted."""
    m = outcome.figures.get(name)
    ends = (m.low, m.high) if m and m.low is not None and m.high is not None else None
    said, between = valued(m.value if m else None, ends, m.unit if m else "")
    return f"{said} ({between})" if interval and between else said


def explained(study: Study) -> str:
    """What the star says."""
    return f"no other recipe is as good in {', '.join(map(title, [*study.qualities, *study.costs]))}, and better in one"


def markdown_study(study: Study, figure: str) -> str:
    """A page with the table and the figure."""
    names = columns(study)
    head = ["", "recipe", *map(title, names), "stages take"]
    rows = [
        [
            str(number),
            f"★ {outcome.name}" if outcome.pareto else outcome.name,
            *(cell(outcome, name, interval=True) for name in names),
            f"{outcome.seconds:.1f} s",
        ]
        for number, outcome in enumerate(study.outcomes, 1)
    ]
    failed = [[failure.name, failure.reason] for failure in study.failures]
    parts = [
        f"# Techniques side by side: {study.model} for {study.target}",
        f"![What each recipe answers against what it costs]({figure})",
        table(head, rows, range(2, len(head))),
        f"★: {explained(study)} (the Pareto front). Figures are those of the file that ships, with their 95 % "
        "intervals; it is deflated at level 9. Times that are not of the device, and the seconds, are of the machine "
        "that ran the study; such times are told apart by their intervals.",
        *study.orders,
        table(["recipe", "why it could not be built"], failed) if failed else "",
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def plot_study(study: Study, path: Path) -> None:
    """What each recipe answers against each of its costs; an SVG."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "edgekit"  # the same figure gives the same bytes
    from matplotlib import pyplot

    quality = study.qualities[0] if study.qualities else "accuracy"
    shown = [(n, o, o.figures[quality]) for n, o in enumerate(study.outcomes, 1) if quality in o.figures]
    across = min(3, len(study.costs))
    down = -(-len(study.costs) // across)
    size = (4.6 * across + 3, 4.2 * down)
    figure, grid = pyplot.subplots(down, across, figsize=size, sharey=True, squeeze=False, layout="constrained")
    axes = list(grid.flat)
    for axis, cost in zip(axes, study.costs, strict=False):
        for number, outcome, y in shown:
            if cost in outcome.figures:
                _point(axis, number, outcome, outcome.figures[cost], y)
        unit = next((o.figures[cost].unit for _, o, _ in shown if cost in o.figures), "")
        axis.set_xlabel(_literal(f"{title(cost)}, {UNITS.get(unit, (unit, 1))[0]}".rstrip(", ")))
        axis.grid(alpha=0.3)
    for axis in axes[len(study.costs) :]:
        axis.remove()
    for row in grid:
        row[0].set_ylabel(_literal(f"{title(quality)}, {shown[0][2].unit if shown else ''}".rstrip(", ")))
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside right center", fontsize=8, handlelength=0)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def _point(axis: object, number: int, outcome: StudyResult, cost: Measurement, y: Measurement) -> None:
    """A recipe in a plot of the figure, with the intervals of both of its figures."""
    scale = UNITS.get(cost.unit, ("", 1.0))[1]
    at, high = (cost.value or 0) / scale, y.value or 0
    bars = [list(_ends(m, by)) for m, by in ((cost, scale), (y, 1.0))]
    colour = "tab:red" if outcome.pareto else "tab:blue"
    across, up = ([[low], [top]] for low, top in bars)
    bar = axis.errorbar(at, high, up, across, fmt="o", color=colour, ecolor="lightgrey", capsize=2)  # type: ignore[attr-defined]
    bar.set_label(_literal(f"{number}  {outcome.name}"))
    axis.annotate(str(number), (at, high), xytext=(5, 3), textcoords="offset points", fontsize=8)  # type: ignore[attr-defined]


def _literal(text: str) -> str:
    """A text that Matplotlib does not read as a formula."""
    return text.replace("$", r"\$")


def _ends(m: Measurement, scale: float) -> Iterator[float]:
    """How far an interval reaches to either side."""
    value = m.value or 0
    yield max(0.0, value - (value if m.low is None else m.low)) / scale
    yield max(0.0, (value if m.high is None else m.high) - value) / scale
