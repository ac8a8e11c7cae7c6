"""A study as a table on the terminal, as Markdown, and as a figure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.report.console import print_table
from edgekit.report.markdown import table
from edgekit.units import show

if TYPE_CHECKING:
    from edgekit.study import Outcome, Study

HEAD = ["recipe", "accuracy", "95 % interval", "size", "deflated", "parameters", "MACs", "latency p50", "stages take"]


def print_study(study: Study) -> None:
    """The table; a star marks the Pareto front of download and accuracy."""
    print()
    print_table(HEAD, [_cells(outcome, "* ") for outcome in study.outcomes], right=tuple(range(1, 9)))
    print("\n* no other recipe is both smaller to download and more accurate")
    for sentence in study.orders:
        print(sentence)


def markdown_study(study: Study, figure: str) -> str:
    """A page with the table and the figure."""
    rows = [_cells(outcome, "**★** ") for outcome in study.outcomes]
    parts = [
        f"# Techniques side by side: {study.model} for {study.target}",
        f"![Accuracy against bytes of each recipe]({figure})",
        table(HEAD, rows),
        "★: no other recipe is both smaller to download and more accurate (the Pareto front). Accuracy is that of the "
        "file that ships, over the evaluation set, with Wilson's interval; sizes are of that file, deflated at level "
        "9. Latency and seconds are of the machine that ran the study.",
        *study.orders,
    ]
    return "\n\n".join(parts) + "\n"


def plot_study(study: Study, path: Path) -> None:
    """Accuracy against bytes, raw and deflated, with the Pareto front; an SVG."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "edgekit"  # the same figure gives the same bytes
    from matplotlib import pyplot

    shown = [(o, o.accuracy) for o in study.outcomes if o.accuracy is not None]
    figure, axes = pyplot.subplots(1, 2, figsize=(12, 5.5), sharey=True, layout="constrained")
    for axis, name, title in zip(
        axes, ("download_size", "model_size"), ("deflated", "as it lies in flash"), strict=True
    ):
        for outcome, y in shown:
            x = getattr(outcome, name) / 1024
            colour = "tab:red" if outcome.pareto else "tab:blue"
            low, high = outcome.accuracy_low or y, outcome.accuracy_high or y
            axis.errorbar(x, y, [[y - low], [high - y]], fmt="o", color=colour, ecolor="lightgrey", capsize=2)
            axis.annotate(outcome.name, (x, y), xytext=(4, 4), textcoords="offset points", fontsize=7)
        axis.set_xlabel(f"size {title}, KiB")
        axis.grid(alpha=0.3)
    front = sorted((o.download_size / 1024, y) for o, y in shown if o.pareto)
    axes[0].step(*zip(*front, strict=True), where="post", color="tab:red", alpha=0.5, label="Pareto front")
    axes[0].legend(loc="lower right")
    axes[0].set_ylabel("accuracy, %")
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def _cells(outcome: Outcome, star: str) -> list[str]:
    interval = "" if outcome.accuracy_low is None else f"{outcome.accuracy_low:.2f} … {outcome.accuracy_high:.2f}"
    return [
        (star if outcome.pareto else "") + outcome.name,
        "" if outcome.accuracy is None else f"{outcome.accuracy:.2f} %",
        interval,
        show(outcome.model_size, "B"),
        show(outcome.download_size, "B"),
        f"{outcome.parameters:,}",
        f"{outcome.macs:,}",
        show(outcome.latency_ns, "ns"),
        f"{outcome.seconds:.1f} s",
    ]
