"""Reading target profiles: `targets/NAME.toml` with what it extends and what a command overrides, checked."""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from typing import Any, get_args

import msgspec

from edgekit.ccode.library import check
from edgekit.ccode.piece import Kernels
from edgekit.config import Settings, decode, nearest, parse_value, read_table
from edgekit.emit.settings import Outputs
from edgekit.errors import SetupError, TargetError
from edgekit.firmware.cores import CORES
from edgekit.firmware.hardware import Hardware
from edgekit.measure.judge import IMPLIED, UNLABELLED
from edgekit.measure.limits import AT_LEAST, HOSTED, Budget
from edgekit.npu.settings import checked
from edgekit.profile.recipe import Recipe
from edgekit.profile.rules import scheme_refusal
from edgekit.profile.target import Target
from edgekit.runtimes import RUNTIMES, engine
from edgekit.runtimes.support import supported
from edgekit.units import Quantity


def known_targets(folders: list[Path]) -> dict[str, Path]:
    """Name and file of each profile; an earlier folder wins."""
    found: dict[str, Path] = {}
    for folder in folders:
        for path in sorted(folder.glob("*.toml")):
            found.setdefault(path.stem, path)
    return found


def load_targets(
    names: list[str], folders: list[Path], overrides: tuple[str, ...], recipe: str | None = None
) -> list[Target]:
    """The profiles of a command; `all` stands for those of the project, or those edgekit brings if it has none.

    Args:
      recipe: TOML file whose `[recipe]` goes over that of each profile.

    Raises:
      TargetError: no name is given, or a profile is wrong.
    """
    if not names:
        raise TargetError(
            f"no target; give --target=NAME, or all: there is {', '.join(sorted(known_targets(folders)))}"
        )
    if "all" in names:
        names = sorted(next((found for f in folders if (found := known_targets([f]))), {}))
    return [load_target(name, folders, overrides, recipe) for name in dict.fromkeys(names)]


def load_single(names: list[str], folders: list[Path], overrides: tuple[str, ...] = ()) -> Target:
    """The one profile that a command is about.

    Raises:
      TargetError: none is given, or several are.
    """
    targets = load_targets(names, folders, overrides)
    if len(targets) > 1:
        raise TargetError(f"several targets: {', '.join(t.name for t in targets)}; give one")
    return targets[0]


def load_target(
    name: str, folders: list[Path], overrides: tuple[str, ...] = (), recipe_file: str | None = None
) -> Target:
    """Reads a profile, what it extends, and the overrides of this build: those of a recipe, then single keys.

    Args:
      name: of a file in `folders`, without `.toml`.
      overrides: `key=value` with dots in the key, such as `recipe.prune.sparsity=0.7`.

    Raises:
      TargetError: there is no such profile, or something in it is wrong.
    """
    table = _table(name, known_targets(folders), ())
    where = str(_shown(known_targets(folders)[name]))
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


def _table(name: str, files: dict[str, Path], path: tuple[str, ...]) -> dict[str, Any]:
    """The merged tables of a profile and of those that it extends."""
    said_by = f"{_shown(files[path[-1]])}: extends: " if path else ""
    if name not in files:
        raise TargetError(f'{said_by}unknown target "{name}"; {nearest(name, list(files))}')
    if name in path:
        raise TargetError(f"{said_by}the profiles extend each other in a circle: {' > '.join((*path, name))}")
    table = read_table(files[name], TargetError)
    parent = table.pop("extends", None)
    if "name" in table:
        raise TargetError(f"{_shown(files[name])}: name: a profile is named by its file; remove the key")
    if parent is None:
        return table
    if not isinstance(parent, str):
        raise TargetError(f'{_shown(files[name])}: extends: expected the name of a profile, such as "phone"')
    return _merged(_table(parent, files, (*path, name)), table)


def _recipe(path: Path) -> dict[str, Any]:
    """A file with nothing but a `[recipe]`."""
    table = read_table(path, TargetError)
    if others := [key for key in table if key != "recipe"]:
        raise TargetError(f"{path}: {others[0]}: a recipe has only [recipe] and its tables; put the rest in a profile")
    return table


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    result = dict(below)
    for key, value in above.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = _merged(result[key], value) if both else value
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
    """What types cannot say."""
    for key, name in [("ship", target.runtimes.ship), *(("compare", r) for r in target.runtimes.compare)]:
        if name not in RUNTIMES:
            raise TargetError(f'{where}: runtimes.{key}: unknown runtime "{name}"; {nearest(name, list(RUNTIMES))}')
    _check_budget(target.budget, where)
    _check_host(target, where)
    written = [f"{t}.{k}" for t in ("hardware", "runtimes") for k, v in _quantities(getattr(target, t)) if v.change]
    if written:
        raise TargetError(f"{where}: {written[0]}: starts with +, which only a limit of the budget may")
    if target.runtimes.oldest:
        try:
            supported(target.runtimes.oldest)
        except TargetError as problem:
            raise TargetError(f"{where}: runtimes.oldest: {problem}") from None
    if target.hardware.npu:
        try:
            checked(target.hardware.npu, target.hardware.npu_system, target.hardware.npu_memory)
        except TargetError as problem:
            raise TargetError(f"{where}: {problem}") from None
        except SetupError as problem:
            raise SetupError(f"{where}: {problem}") from None
    elif target.budget.npu_coverage is not None:
        raise TargetError(f'{where}: budget.npu_coverage: needs hardware.npu, such as "ethos-u55-128"')
    if target.budget.arena is not None and not engine(target.runtimes.ship).arena and not target.hardware.npu:
        raise TargetError(
            f'{where}: budget.arena: "{target.runtimes.ship}" has no arena; remove the line or ship "tflm"'
        )
    if target.outputs.c_standalone and not engine(target.runtimes.ship).exact:
        raise TargetError(f'{where}: outputs.c_standalone: its outputs are those of TFLM; write runtimes.ship = "tflm"')
    if target.outputs.c_tables is not None and not target.outputs.c_standalone:
        raise TargetError(f"{where}: outputs.c_tables: is of standalone C; set outputs.c_standalone = true")
    _check_kernels(target.outputs, where)
    for name in ("flash", "ram", "instructions"):
        if getattr(target.budget, name) is not None and not target.outputs.c_standalone:
            raise TargetError(f"{where}: budget.{name}: is of standalone C; set outputs.c_standalone = true")
        if getattr(target.budget, name) is not None and target.hardware.cpu not in CORES:
            said = nearest(target.hardware.cpu, list(CORES))
            raise TargetError(f'{where}: budget.{name}: QEMU simulates no "{target.hardware.cpu}" here; {said}')
    check_recipe(target.recipe, where)
    cluster, shrink = target.recipe.cluster, target.recipe.shrink
    if (
        cluster
        and cluster.goal is not None
        and not (engine(target.runtimes.ship).lookup_tables and shrink and shrink.lookup_tables)
    ):
        raise TargetError(
            f"{where}: recipe.cluster.goal: only lookup tables make a file of clustered weights smaller, which need "
            'runtimes.ship = "tflm" and recipe.shrink.lookup_tables = true; set both, or remove the goal'
        )
    quantize = target.recipe.quantize
    if quantize and (why := scheme_refusal(target.runtimes.ship, quantize)):
        raise TargetError(f"{where}: recipe.quantize: {why}")
    if quantize and target.outputs.c_standalone and (quantize.scheme == "weight-only" or quantize.float_layers):
        place = "scheme" if quantize.scheme == "weight-only" else "float_layers"
        raise TargetError(
            f"{where}: outputs.c_standalone: computes in integers only, but recipe.quantize.{place} leaves floats; "
            'write scheme = "int8" without it, or c_standalone = false'
        )
    if quantize and quantize.bias_correction and not quantize.plain:
        raise TargetError(f"{where}: recipe.quantize.bias_correction: is for int8 throughout; remove it")
    if quantize and quantize.rescue and not quantize.plain:
        raise TargetError(f"{where}: recipe.quantize.rescue: starts from int8 throughout; remove the scheme and layers")
    drop = target.budget.accuracy_drop
    if quantize and quantize.rescue and (drop is None or drop.change):
        raise TargetError(
            f'{where}: recipe.quantize.rescue: needs budget.accuracy_drop, at which it stops; write "1 %"'
        )


def _check_kernels(outputs: Outputs, where: str) -> None:
    """Which kernels standalone C has."""
    kernels = outputs.c_kernels
    if kernels and kernels not in get_args(Kernels):
        raise TargetError(
            f'{where}: outputs.c_kernels: there is no "{kernels}"; {nearest(kernels, list(get_args(Kernels)))}'
        )
    if (kernels or outputs.cmsis_nn) and not outputs.c_standalone:
        name = "c_kernels" if kernels else "cmsis_nn"
        raise TargetError(f"{where}: outputs.{name}: is of standalone C; set outputs.c_standalone = true")
    if kernels == "cmsis-nn" and not outputs.cmsis_nn:
        raise TargetError(f"{where}: outputs.cmsis_nn: missing; write the folder with CMSIS-NN's Include and Source")
    if outputs.cmsis_nn and kernels != "cmsis-nn":
        raise TargetError(f'{where}: outputs.cmsis_nn: is for outputs.c_kernels = "cmsis-nn"; write that, or remove it')
    if outputs.cmsis_nn:
        check(outputs.cmsis_nn, f"{where}: outputs.cmsis_nn", TargetError)


def _check_budget(budget: Budget, where: str) -> None:
    names = [name for name, _ in _quantities(budget)]
    waived = [waiver.name for waiver in budget.waivers]
    for place, named in (("levels", list(budget.levels)), ("waivers", waived), ("on_host", list(budget.on_host))):
        for name in named:
            if name not in (*names, *IMPLIED, *UNLABELLED):
                raise TargetError(f'{where}: budget.{place}: no limit "{name}" is set; {nearest(name, names)}')
    for waiver in budget.waivers:
        if waiver.until < datetime.date.today():
            raise TargetError(
                f"{where}: budget.waivers: that of {waiver.name} ended on {waiver.until} ({waiver.reason}); remove it, "
                "or give it a new day and reason"
            )
    for name, limit in _quantities(budget):
        if limit.change and name in AT_LEAST:
            raise TargetError(
                f"{where}: budget.{name}: a limit with + is for what should be small; for accuracy write "
                'accuracy_drop = "+0.2 %", for speed latency = "+5 %"'
            )
        if limit.change in ("ns", "x"):
            raise TargetError(
                f"{where}: budget.{name}: times are compared in the same run, as ratios; "
                'write a share of the baseline\'s, such as "+5 %"'
            )


def _check_host(target: Target, where: str) -> None:
    """Which limits may be of the build host."""
    hardware, on_host = target.hardware, target.budget.on_host
    if hardware.is_host and hardware != Hardware():
        raise TargetError(f'{where}: hardware.cpu: missing; add it, such as "cortex-m4f"')
    if others := [name for name in on_host if name not in HOSTED]:
        raise TargetError(
            f"{where}: budget.on_host: {others[0]} is the same on every machine; it takes {', '.join(HOSTED)}"
        )
    if on_host and engine(target.runtimes.ship).on_device_only and not hardware.is_host:
        raise TargetError(
            f"{where}: budget.on_host: {on_host[0]} of {engine(target.runtimes.ship).title}'s kernels on the build "
            f"host says nothing of a {hardware.cpu}; limit `instructions` or `latency` with outputs.c_standalone = true"
        )


def _quantities(table: Settings) -> list[tuple[str, Quantity]]:
    named = [(field.name, getattr(table, field.name)) for field in msgspec.structs.fields(table)]
    return [(name, value) for name, value in named if isinstance(value, Quantity)]


def limit_places(target: Target, folders: list[Path], root: Path) -> dict[str, tuple[str, int]]:
    """File, relative to the project, and line of each limit of a budget that a profile says in a line of its own."""
    files = known_targets(folders)
    places: dict[str, tuple[str, int]] = {}
    name: str | None = target.name
    while name and name in files:
        table = ""
        for number, line in enumerate(files[name].read_text(encoding="utf-8").splitlines(), 1):
            if found := re.match(r"\s*\[+\s*([\w.\-]+)\s*\]+", line):
                table = found[1]
            elif table == "budget" and (key := re.match(r"\s*([\w\-]+)\s*=", line)):
                shown = files[name].relative_to(root) if files[name].is_relative_to(root) else Path(files[name].name)
                places.setdefault(key[1], (shown.as_posix(), number))
        name = read_table(files[name], TargetError).get("extends")
    return {limit: place for limit, place in places.items() if limit in target.budget.limits}


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


def _shown(path: Path) -> Path:
    """The path as a person would type it here."""
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path
