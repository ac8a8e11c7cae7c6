"""Reading target profiles: `targets/NAME.toml` with what it extends and what a command overrides, checked."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from typing import Any

from edgekit.ccode.settings import check_outputs
from edgekit.config import changes, decode, nearest, parse_value, read_table
from edgekit.errors import SetupError, TargetError
from edgekit.firmware.hardware import check_hardware
from edgekit.measure.limits import check_budget
from edgekit.npu.settings import checked
from edgekit.profile.known import known_targets, layers, shown
from edgekit.profile.project import ModelSpec, Project, budget_table
from edgekit.profile.recipe import Recipe
from edgekit.profile.rules import check_needs, check_on_host, check_together
from edgekit.profile.target import Target
from edgekit.quantize.settings import check_quantize
from edgekit.runtimes.settings import check_runtimes


def load_targets(
    names: list[str], folders: list[Path], overrides: tuple[str, ...], recipe: str | None = None
) -> list[Target]:
    """The profiles of a command; `all` stands for those of the project, or those edgekit brings if it has none.

    Args:
      recipe: TOML file whose `[recipe]` goes over that of each profile.

    Raises:
      TargetError: no name is given, or a profile is wrong.
    """
    return [load_target(name, folders, overrides, recipe) for name in _every(names, folders)]


def _every(names: list[str], folders: list[Path]) -> list[str]:
    """Each name once, those that `all` stands for among them.

    Raises:
      TargetError: there is none.
    """
    if not names:
        raise TargetError(
            f"no target; give --target=NAME, or all: there is {', '.join(sorted(known_targets(folders)))}"
        )
    if "all" in names:
        names = sorted(next((found for f in folders if (found := known_targets([f]))), {}))
    return list(dict.fromkeys(names))


def load_pairs(
    project: Project,
    specs: Sequence[ModelSpec],
    names: list[str],
    overrides: tuple[str, ...] = (),
    recipe: str | None = None,
) -> list[tuple[ModelSpec, Target]]:
    """Each profile for each model, with the limits that the project sets for that model there; see `load_targets`."""
    folders = project.target_folders
    return [
        (spec, load_target(name, folders, overrides, recipe, spec)) for name in _every(names, folders) for spec in specs
    ]


def load_single(
    names: list[str], folders: list[Path], overrides: tuple[str, ...] = (), spec: ModelSpec | None = None
) -> Target:
    """The one profile that a command is about, for one model.

    Raises:
      TargetError: none is given, or several are.
    """
    names = _every(names, folders)
    if len(names) > 1:
        raise TargetError(f"several targets: {', '.join(names)}; give one")
    return load_target(names[0], folders, overrides, spec=spec)


def load_target(
    name: str,
    folders: list[Path],
    overrides: tuple[str, ...] = (),
    recipe_file: str | None = None,
    spec: ModelSpec | None = None,
) -> Target:
    """Reads a profile, what it extends, and what goes over it: limits of a model, a recipe, then single keys.

    Args:
      name: of a file in `folders`, without `.toml`.
      overrides: `key=value` with dots in the key, such as `recipe.prune.sparsity=0.7`.
      spec: the model whose limits for this target are meant.

    Raises:
      TargetError: there is no such profile, or something in it is wrong.
    """
    files = layers(name, folders)
    table: dict[str, Any] = reduce(_merged, [tables for _, tables in reversed(files)], {})
    where = shown(files[0][0])
    if spec and (limits := spec.budgets.get(name)):
        table = _merged(table, {"budget": limits})
        where += f" with pyproject.toml: {budget_table(spec.name, name)}"
    if recipe_file:
        table = _merged(table, _recipe(Path(recipe_file)))
        where += f" with {recipe_file}"
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals or not all(key.split(".")):
            raise TargetError(f"--set {override}: not of the form key=value; write --set recipe.prune.sparsity=0.7")
        _put(table, key.split("."), parse_value(value), override)
    if overrides:
        where += " with " + " ".join(f"--set {o}" for o in overrides)
    recipe = table.get("recipe")
    if isinstance(recipe, dict):
        table["recipe"] = {k: None if v is False else v for k, v in recipe.items()}
    target = decode({"name": name} | table, Target, where, TargetError)
    _check(target, where)
    return target


def _recipe(path: Path) -> dict[str, Any]:
    """A file with nothing but a `[recipe]`."""
    table = read_table(path, TargetError)
    if others := [key for key in table if key != "recipe"]:
        raise TargetError(f"{path}: {others[0]}: a recipe has only [recipe] and its tables; put the rest in a profile")
    return table


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    result = dict(below)
    for key, value in above.items():
        under = result.get(key)
        result[key] = _merged(under if isinstance(under, dict) else {}, value) if isinstance(value, dict) else value
    return result


def _put(table: dict[str, Any], keys: list[str], value: Any, override: str) -> None:
    for key in keys[:-1]:
        if table.get(key) is False:
            table[key] = {}
        table = table.setdefault(key, {})
        if not isinstance(table, dict):
            raise TargetError(f'--set {override}: "{key}" is a value, not a table; see the profile for its keys')
    table[keys[-1]] = value


def _check(target: Target, where: str) -> None:
    """What types cannot say: each room checks its own settings, then comes what they need of each other."""
    hardware = target.hardware
    try:
        check_runtimes(target.runtimes)
        check_budget(target.budget)
        check_hardware(hardware)
        check_on_host(target)
        signed = [(table, name) for table in ("hardware", "runtimes") for name in changes(getattr(target, table))]
        for table, name in signed:
            raise TargetError(f"{table}.{name}: starts with +, which only a limit of the budget may")
        if hardware.npu:
            checked(hardware.npu, hardware.npu_system, hardware.npu_memory)
        check_needs(target)
        check_outputs(target.outputs)
        if target.solve.problem:
            raise TargetError(target.solve.problem)
    except (TargetError, SetupError) as problem:
        raise type(problem)(f"{where}: {problem}") from None
    check_recipe(target.recipe, where)
    try:
        check_quantize(target.recipe.quantize)
        check_together(target)
    except TargetError as problem:
        raise TargetError(f"{where}: {problem}") from None


def check_recipe(recipe: Recipe, where: str) -> None:
    """What the types of a recipe cannot say.

    Raises:
      TargetError: its parts contradict each other.
    """
    known = list(recipe.known())
    learning = recipe.distil.during if recipe.distil else ()
    for place, names in (("order", recipe.order), ("distil.during", learning)):
        if others := [name for name in names if name not in known or (place, name) == ("distil.during", "distil")]:
            said = nearest(others[0], known if place == "order" else [name for name in known if name != "distil"])
            raise TargetError(f'{where}: recipe.{place}: unknown technique "{others[0]}"; {said}')
    left = [name for name in known if getattr(recipe, name) and name not in recipe.techniques]
    if left:
        raise TargetError(f"{where}: recipe.order: leaves out {left[0]}, which the recipe sets; add it")
    if len(set(recipe.order)) < len(recipe.order):
        raise TargetError(f"{where}: recipe.order: names a technique twice")
    order, quantize = list(recipe.techniques), recipe.quantize
    for technique in recipe.techniques.values():
        if said := technique.problem(quantize):
            raise TargetError(f"{where}: {said}")
    four = recipe.prune and recipe.prune.pattern == "2:4"
    if four and recipe.channels and order.index("channels") > order.index("prune"):
        raise TargetError(
            f'{where}: recipe.order: channels after prune takes neighbours out of the pattern "2:4"; put channels first'
        )
    if recipe.cluster and quantize and (quantize.equalize or quantize.rounding == "gptq"):
        name, how = ("equalize", "false") if quantize.equalize else ("rounding", '"nearest"')
        raise TargetError(
            f"{where}: recipe.quantize.{name}: takes apart the values that recipe.cluster makes alike; write "
            f"{name} = {how}, or remove the cluster"
        )
