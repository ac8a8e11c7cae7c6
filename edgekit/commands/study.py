"""Techniques side by side: each recipe of a list is built for a target, and what it bought is laid out.

What was built before is not built again, so a study that was interrupted goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec

from edgekit.build import produce, prove
from edgekit.config import Settings, decode, encode, read_table
from edgekit.engine.libraries import TENSORFLOW
from edgekit.engine.make import Listener, Maker
from edgekit.errors import EdgekitError, TargetError
from edgekit.files import write
from edgekit.measure.limits import NAMED
from edgekit.product import BuildResult
from edgekit.profile.profiles import check_recipe
from edgekit.profile.project import ModelSpec, Project
from edgekit.profile.recipe import Recipe
from edgekit.profile.target import Target
from edgekit.report.console import print_table
from edgekit.report.figures import figures, of_device
from edgekit.report.markup import table
from edgekit.report.text import shown
from edgekit.types import Measurement
from edgekit.units import show

HEAD = ["", "recipe", "accuracy", "95 % interval", "size", "deflated", "parameters", "MACs", "arena", "latency"]
LAST = "stages take"

STUDY: Final = "edgekit.study/1"
RECIPES = Path(__file__).with_name("study.toml")
COLUMNS = ("model_size", "download_size", "accuracy", "latency_p50", "macs")
"""Figures that have fields of their own."""


class Variant(Settings, frozen=True):
    """A recipe with a name."""

    name: Annotated[str, msgspec.Meta(pattern="^[^/]+$", max_length=60)]
    recipe: dict[str, Any] = msgspec.field(default_factory=dict)
    """Tables and keys of `[recipe]`."""


class Variants(Settings, frozen=True):
    """A file of recipes."""

    variant: list[Variant]


class StudyResult(msgspec.Struct, frozen=True):
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
    """Of the device, and what else the target limits."""
    pareto: bool = False
    """Whether no other recipe is both smaller to download and more accurate."""


class Failure(msgspec.Struct, frozen=True):
    """A recipe that could not be built."""

    name: str
    techniques: tuple[str, ...]
    """In the order in which they were to be applied."""
    reason: str


class Study(msgspec.Struct, frozen=True):
    """`study.json`."""

    schema: Literal["edgekit.study/1"]
    model: str
    target: str
    outcomes: list[StudyResult]
    orders: list[str]
    """For techniques that were applied in several orders, which one did best."""
    failures: list[Failure] = []
    """The recipes that this model, or this target, does not allow."""


def study(project: Project, spec: ModelSpec, target: Target, recipes: Path, ui: Listener) -> Study:
    """Builds a model with each recipe of a file; one that cannot be built is told with its reason, beside the others.

    Raises:
      TargetError: the file is wrong.
      EdgekitError: no recipe can be built: what the first one met.
    """
    variants = [(v.name, _with(target, v, recipes)) for v in _variants(recipes)]
    problems: list[tuple[Failure, EdgekitError]] = []
    with Maker(project.open_store(), ui) as maker:

        @contextmanager
        def noted(name: str, changed: Target) -> Iterator[None]:
            try:
                yield
            except EdgekitError as problem:
                problems.append((Failure(name, tuple(changed.recipe.techniques), str(problem)), problem))

        products, built = [], []
        headlines = {
            name: f"{target.name}: {spec.name}: recipe {number} of {len(variants)}, {name}"
            for number, (name, _) in enumerate(variants, 1)
        }
        for name, changed in variants:
            ui.headline(headlines[name])
            with noted(name, changed):
                products.append((name, produce(spec, changed, maker)))
        maker.end(TENSORFLOW)
        for name, product in products:
            ui.headline(headlines[name])
            with noted(name, product.target):
                built.append((name, prove(product, maker, project)))
    if not built:
        raise problems[0][1]
    outcomes = _front([_outcome(name, b) for name, b in built])
    return Study(STUDY, spec.name, target.name, outcomes, _orders(outcomes), [failure for failure, _ in problems])


def _variants(path: Path) -> list[Variant]:
    variants = decode(read_table(path, TargetError), Variants, str(path), TargetError).variant
    names = [variant.name for variant in variants]
    if doubled := [name for name in names if names.count(name) > 1]:
        raise TargetError(f"{path}: two variants are called {doubled[0]!r}; rename one")
    return variants


def _with(target: Target, variant: Variant, path: Path) -> Target:
    """The target with a variant's recipe, and the quantization of its own where the variant has none."""
    own = {k: v for k, v in encode(target.recipe).items() if k in ("seed", "input_shape", "quantize") and v is not None}
    where = f"{path}: {variant.name}"
    recipe = decode(own | variant.recipe, Recipe, where, TargetError)
    check_recipe(recipe, where)
    return msgspec.structs.replace(target, name=f"{target.name} ({variant.name})", recipe=recipe)


def _outcome(name: str, built: BuildResult) -> StudyResult:
    last, found = built.report.stages[-1], built.found
    limited = {NAMED.get(line.name, line.name) for line in built.report.budget} - {*COLUMNS}
    all_figures = figures(built.report.measurements, built.report.shipped)
    accuracy = found.measurement("accuracy")
    return StudyResult(
        name=name,
        techniques=tuple(built.product.target.recipe.techniques),
        model_size=int(found.value("model_size") or 0),
        download_size=int(found.value("download_size") or 0),
        parameters=last.parameters or 0,
        macs=last.macs or 0,
        accuracy=accuracy.value if accuracy else None,
        accuracy_low=accuracy.low if accuracy else None,
        accuracy_high=accuracy.high if accuracy else None,
        latency_ns=found.value("latency_p50"),
        arena=None if (arena := found.value("arena")) is None else int(arena),
        seconds=round(sum(made.row.seconds for made in built.product.made), 2),
        figures={n: m for n, m in all_figures.items() if n in limited or (of_device(m) and n not in COLUMNS)},
    )


def _front(outcomes: list[StudyResult]) -> list[StudyResult]:
    """The outcomes with their place on the Pareto front of download and accuracy."""

    def beaten(one: StudyResult) -> bool:
        mine = (one.download_size, -(one.accuracy or 0))
        return any(
            all(a <= b for a, b in zip(theirs, mine, strict=True)) and theirs != mine
            for other in outcomes
            if (theirs := (other.download_size, -(other.accuracy or 0)))
        )

    return [msgspec.structs.replace(o, pareto=o.accuracy is not None and not beaten(o)) for o in outcomes]


def _orders(outcomes: list[StudyResult]) -> list[str]:
    groups: dict[frozenset[str], list[StudyResult]] = {}
    for outcome in outcomes:
        if outcome.accuracy is not None:
            groups.setdefault(frozenset(outcome.techniques), []).append(outcome)
    said = []
    for group in groups.values():
        if len({o.techniques for o in group}) < 2:
            continue
        best, worst = max(group, key=lambda o: o.accuracy or 0), min(group, key=lambda o: o.accuracy or 0)
        smallest = min(group, key=lambda o: o.download_size)
        clear = (best.accuracy_low or 0) > (worst.accuracy_high or 0)
        said.append(
            f"Of {len(group)} orders {' ▶ '.join(best.techniques)} has the highest accuracy, {best.accuracy:.2f} %, "
            f"and {' ▶ '.join(worst.techniques)} the lowest, {worst.accuracy:.2f} %; their 95 % intervals "
            f"{'do not overlap' if clear else 'overlap, so this may be chance'}. "
            f"{' ▶ '.join(smallest.techniques)} is the smallest to download, {smallest.download_size:,} B."
        )
    return said


def write_study(study: Study, folder: Path) -> None:
    """Writes `study.json`, `study.md` and `study.svg`."""
    write(folder / "study.json", msgspec.json.format(msgspec.json.encode(study), indent=2) + b"\n")
    write(folder / "study.md", markdown_study(study, "study.svg").encode())
    plot_study(study, folder / "study.svg")


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
    return [*HEAD, *_more(study), LAST]


def _cells(outcome: StudyResult, star: str, more: list[str]) -> list[str]:
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
