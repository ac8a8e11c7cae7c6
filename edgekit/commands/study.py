"""Techniques side by side: each recipe of a list is built for a target, and what it bought is laid out.

What was built before is not built again, so a study that was interrupted goes on where it stopped.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec

from edgekit.build import produce, prove
from edgekit.config import Settings, decode, encode, read_table
from edgekit.engine.libraries import TENSORFLOW
from edgekit.engine.make import Listener, Maker
from edgekit.errors import EdgekitError, TargetError
from edgekit.files import write
from edgekit.measure.judge import judged_here
from edgekit.product import BuildResult
from edgekit.profile.profiles import check_recipe
from edgekit.profile.project import ModelSpec, Project
from edgekit.profile.recipe import Recipe
from edgekit.profile.target import Target
from edgekit.report.changes import figure_of
from edgekit.report.console import print_folded, print_table
from edgekit.report.figures import figures, of_device
from edgekit.report.study import (
    STUDY,
    USUAL,
    Failure,
    Study,
    StudyResult,
    cell,
    columns,
    explained,
    front,
    markdown_study,
    plot_study,
    title,
)
from edgekit.report.text import shown
from edgekit.report.verdict import ANSWERS

RECIPES = Path(__file__).with_name("study.toml")
WIDE = 400
"""Characters of a line in a file or a pipe."""
ALWAYS_JUDGED = ("float_sqnr", "skill", "max_lsb")
"""Limits on the model as it was given, and on other runtimes."""
NAME = 28
"""Characters of a recipe's name, where there is little room."""


class Variant(Settings, frozen=True):
    """A recipe with a name."""

    name: Annotated[str, msgspec.Meta(pattern="^[^/]+$", max_length=60)]
    recipe: dict[str, Any] = msgspec.field(default_factory=dict)
    """Tables and keys of `[recipe]`."""


class Variants(Settings, frozen=True):
    """A file of recipes."""

    variant: list[Variant]


def study(project: Project, spec: ModelSpec, target: Target, recipes: Path, ui: Listener) -> Study:
    """Builds a model with each recipe of a file; one that cannot be built is told with its reason, beside the others.

    Raises:
      TargetError: the file is wrong.
      EdgekitError: no recipe can be built: what the first one met.
    """
    changes = variants(target, recipes)
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
            name: f"{target.name}: {spec.name}: recipe {number} of {len(changes)}, {name}"
            for number, (name, _) in enumerate(changes, 1)
        }
        for name, changed in changes:
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
    costs = _costs(target, [b for _, b in built])
    outcomes = [_outcome(name, b) for name, b in built]
    qualities = _qualities(outcomes)
    failures = [failure for failure, _ in problems]
    outcomes = front(outcomes, qualities, costs)
    return Study(STUDY, spec.name, target.name, outcomes, _orders(outcomes), failures, qualities, costs)


def variants(target: Target, recipes: Path) -> list[tuple[str, Target]]:
    """The target with each recipe of a file, by the recipe's name.

    Raises:
      TargetError: the file is wrong.
    """
    return [(variant.name, _with(target, variant, recipes)) for variant in _variants(recipes)]


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
    limited = {figure_of(line.name) for line in built.report.budget}
    every = figures(built.report.measurements, built.report.shipped)
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
        figures={n: m for n, m in every.items() if n in limited.union(USUAL) or _answers(n) or of_device(m)},
    )


def _costs(target: Target, built: list[BuildResult]) -> list[str]:
    """Figures that the target limits and that are no answers, where they are of the device or may be judged here."""
    found = []
    for name in target.budget.limits:
        figure = figure_of(name)
        known = [figures(one.report.measurements, one.report.shipped).get(figure) for one in built]
        here = judged_here(name, target.budget, target.hardware)
        if name not in (*ANSWERS, *ALWAYS_JUDGED) and any(m and (here or of_device(m)) for m in known):
            found.append(figure)
    return found or ["download_size"]


def _qualities(outcomes: list[StudyResult]) -> list[str]:
    """Accuracy or the project's metric of each output; where there are no labels, how it follows the float model."""
    there = list(dict.fromkeys(name for outcome in outcomes for name in outcome.figures))
    for bases in (("accuracy", "metric"), ("fidelity",), ("sqnr",)):
        if found := [name for name in there if name.partition(".")[0] in bases]:
            return found
    return []


def _answers(name: str) -> bool:
    return name.partition(".")[0] in ("accuracy", "metric", "fidelity", "sqnr")


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
    """The table, as wide as the terminal; a star marks the Pareto front."""
    print()
    wide = shutil.get_terminal_size().columns if sys.stdout.isatty() else WIDE
    names = columns(study)
    alike = [
        name for name in names if len(study.outcomes) > 1 and len({o.figures.get(name) for o in study.outcomes}) == 1
    ]
    fitting = [name for name in names if name not in alike]
    while len(fitting) > 1 and _width(rows := _table(study, fitting, wide)) > wide:
        fitting.pop()
    head, *rows = _table(study, fitting, wide)
    print_table(head, rows, right=(0, *range(2, len(head))))
    said = [f"* {explained(study)}"]
    if alike:
        same = (f"{title(name)} {cell(study.outcomes[0], name, interval=True)}" for name in alike)
        said.append(f"the same for all: {', '.join(same)}")
    if left := [title(name) for name in names if name not in (*alike, *fitting)]:
        said.append(f"in study.md too: {', '.join(left)}")
    said += study.orders
    said += [f"{failure.name}: could not be built: {failure.reason}" for failure in study.failures]
    print()
    for line in said:
        print_folded(line)


def _table(study: Study, names: list[str], wide: int) -> list[list[str]]:
    """The head and a row for each recipe, with its number in the figure."""
    longest = 60 if wide >= WIDE else NAME
    return [
        ["", "recipe", *map(title, names)],
        *(
            [
                f"{number}{'*' if outcome.pareto else ' '}",
                outcome.name if len(outcome.name) <= longest else f"{outcome.name[: longest - 1]}…",
                *(cell(outcome, name, interval=wide >= WIDE) for name in names),
            ]
            for number, outcome in enumerate(study.outcomes, 1)
        ),
    ]


def _width(rows: list[list[str]]) -> int:
    return sum(max(map(len, column)) + 2 for column in zip(*rows, strict=True)) - 2
