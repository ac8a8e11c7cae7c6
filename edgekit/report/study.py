"""A study as a table on the terminal, as Markdown, and as a figure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.report.console import print_table
from edgekit.report.markdown import table
from edgekit.report.text import shown
from edgekit.units import show

if TYPE_CHECKING:
    from edgekit.commands.study import Outcome, Study

HEAD = [
    "",
    "recipe",
    "accuracy",
    "95 % interval",
    "size",
    "deflated",
    "parameters",
    "MACs",
    "arena",
    "latency",
    "stages take",
]


@shown
def print_study(study: Study) -> None:
    """The table; a star marks the Pareto front of download and accuracy."""
    print()
    head = _head(study)
    print_table(head, _rows(study, "* "), right=(0, *range(2, len(head))))
    print("\n* no other recipe is both smaller to download and more accurate")
    for sentence in study.orders:
        print(sentence)
    for failure in study.failures:
        print(f"{failure.name}: could not be built: {failure.reason}")


def markdown_study(study: Study, figure: str) -> str:
    """A page with the table and the figure."""
    rows = _rows(study, "**★** ")
    parts = [
        f"# Techniques side by side: {study.model} for {study.target}",
        f"![Accuracy against bytes of each recipe]({figure})",
        table(_head(study), rows),
        "★: no other recipe is both smaller to download and more accurate (the Pareto front). Accuracy is that of the "
        "file that ships, over the evaluation set, with Wilson's interval; sizes are of that file, deflated at level "
        "9; latency is the median. Latency and seconds are of the machine that ran the study.",
        *study.orders,
        table(["recipe", "why it could not be built"], [[f.name, f.reason] for f in study.failures])
        if study.failures
        else "",
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def plot_study(study: Study, path: Path) -> None:
    """Accuracy against bytes, raw and deflated, with the Pareto front; an SVG."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "edgekit"  # the same figure gives the same bytes
    from matplotlib import pyplot

    shown = [(n, o, o.accuracy) for n, o in enumerate(study.outcomes, 1) if o.accuracy is not None]
    figure, axes = pyplot.subplots(1, 2, figsize=(12, 5.5), sharey=True, layout="constrained")
    for axis, name, title in zip(
        axes, ("download_size", "model_size"), ("deflated", "as it lies in flash"), strict=True
    ):
        for number, outcome, y in shown:
            x = getattr(outcome, name) / 1024
            colour = "tab:red" if outcome.pareto else "tab:blue"
            low, high = outcome.accuracy_low or y, outcome.accuracy_high or y
            bar = axis.errorbar(x, y, [[y - low], [high - y]], fmt="o", color=colour, ecolor="lightgrey", capsize=2)
            bar.set_label(f"{number}  {outcome.name}")
            axis.annotate(str(number), (x, y), xytext=(5, 3), textcoords="offset points", fontsize=8)
        axis.set_xlabel(f"size {title}, KiB")
        axis.grid(alpha=0.3)
    figure.legend(*axes[1].get_legend_handles_labels(), loc="outside right center", fontsize=8, handlelength=0)
    front = sorted((o.download_size / 1024, y) for _, o, y in shown if o.pareto)
    axes[0].step(*zip(*front, strict=True), where="post", color="tab:red", alpha=0.5)
    axes[0].set_ylabel("accuracy, %")
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def _rows(study: Study, star: str) -> list[list[str]]:
    """A row for each recipe, with its number in the figure."""
    more = _more(study)
    return [[str(n), *_cells(outcome, star, more)] for n, outcome in enumerate(study.outcomes, 1)]


def _more(study: Study) -> list[str]:
    """Further figures that some outcome has."""
    return list(dict.fromkeys(name for outcome in study.outcomes for name in outcome.figures))


def _head(study: Study) -> list[str]:
    return [*HEAD[:-1], *_more(study), HEAD[-1]]


def _cells(outcome: Outcome, star: str, more: list[str]) -> list[str]:
    found = [outcome.figures.get(name) for name in more]
    interval = "" if outcome.accuracy_low is None else f"{outcome.accuracy_low:.2f} … {outcome.accuracy_high:.2f}"
    return [
        (star if outcome.pareto else "") + outcome.name,
        "" if outcome.accuracy is None else f"{outcome.accuracy:.2f} %",
        interval,
        show(outcome.model_size, "B"),
        show(outcome.download_size, "B"),
        f"{outcome.parameters:,}",
        f"{outcome.macs:,}",
        show(outcome.arena, "B") if outcome.arena else "",
        show(outcome.latency_ns, "ns"),
        *("" if m is None else show(m.value, m.unit) for m in found),
        f"{outcome.seconds:.1f} s",
    ]
