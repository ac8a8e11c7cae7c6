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
from edgekit.engine.store import Store
from edgekit.errors import EdgekitError, TargetError
from edgekit.measure.judge import NAMED
from edgekit.product import Built
from edgekit.profile.profiles import check_recipe
from edgekit.profile.project import ModelSpec, Project
from edgekit.profile.recipe import Recipe
from edgekit.profile.target import Target
from edgekit.records.figures import figures, of_device
from edgekit.types import Measurement

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


class Outcome(msgspec.Struct, frozen=True):
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
    outcomes: list[Outcome]
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
    with Maker(Store(project.store), ui) as maker:

        @contextmanager
        def noted(name: str, changed: Target) -> Iterator[None]:
            try:
                yield
            except EdgekitError as problem:
                problems.append((Failure(name, tuple(changed.recipe.techniques), str(problem)), problem))

        products, built = [], []
        for name, changed in variants:
            with noted(name, changed):
                products.append((name, produce(spec, changed, maker)))
        maker.end(TENSORFLOW)
        for name, product in products:
            with noted(name, product.target):
                built.append((name, prove(product, maker, project.root)))
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


def _outcome(name: str, built: Built) -> Outcome:
    last, found = built.report.stages[-1], built.found
    limited = {NAMED.get(line.name, line.name) for line in built.report.budget} - {*COLUMNS}
    all_figures = figures(built.report.measurements, built.report.shipped)
    accuracy = found.measurement("accuracy")
    return Outcome(
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


def _front(outcomes: list[Outcome]) -> list[Outcome]:
    """The outcomes with their place on the Pareto front of download and accuracy."""

    def beaten(one: Outcome) -> bool:
        mine = (one.download_size, -(one.accuracy or 0))
        return any(
            all(a <= b for a, b in zip(theirs, mine, strict=True)) and theirs != mine
            for other in outcomes
            if (theirs := (other.download_size, -(other.accuracy or 0)))
        )

    return [msgspec.structs.replace(o, pareto=o.accuracy is not None and not beaten(o)) for o in outcomes]


def _orders(outcomes: list[Outcome]) -> list[str]:
    groups: dict[frozenset[str], list[Outcome]] = {}
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
