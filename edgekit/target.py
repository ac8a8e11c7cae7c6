"""Target profiles: `targets/NAME.toml` as frozen types."""

import datetime
import hashlib
import re
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec

from edgekit.ccode.library import check
from edgekit.ccode.piece import Kernels
from edgekit.config import Settings, decode, encode, nearest, parse_value, read_table
from edgekit.errors import SetupError, TargetError
from edgekit.firmware.cores import CORES
from edgekit.npu.settings import checked
from edgekit.recipe import Positive, Recipe, Technique
from edgekit.units import Bytes, Count, Hertz, Nanoseconds, Number, Percent, Quantity, Ratio


class Hardware(Settings, frozen=True):
    """What the device has. It describes; only the budget decides."""

    cpu: str
    clock: Hertz | None = None
    ram: Bytes | None = None
    flash: Bytes | None = None
    npu: str = ""
    """An Arm Ethos-U, such as `ethos-u65-256`: what ships is compiled for it by Vela, too."""
    npu_system: str = ""
    """Vela's system configuration, such as `Ethos_U65_High_End`, the default of the NPU's family;"""
    npu_memory: str = ""
    """and its memory mode, such as `Dedicated_Sram`."""


class Runtimes(Settings, frozen=True):
    """Which engine executes the model."""

    ship: str
    """What runs on the device: its measurements decide the verdict."""
    compare: tuple[str, ...] = ()
    """What else is run, to show where results differ."""
    oldest: str = ""
    """The oldest runtime in the field, such as `tflite-runtime 2.7`: operators that it lacks end the build."""
    threads: Positive = 1
    time_limit: Nanoseconds = Nanoseconds(300e9)
    """After this a runtime's measurement counts as failed."""
    patience: Nanoseconds = Nanoseconds(20e9)
    """How long timing goes on while a limit lies inside the interval of what it limits."""


AT_LEAST = {"speedup", "accuracy", "metric_min", "npu_coverage"}
"""Budgets whose limit is the least that is allowed."""
Level = Literal["error", "warn", "off"]
Limit = Bytes | Nanoseconds | Percent | Ratio | Count | Number


class Waiver(Settings, frozen=True):
    """A limit that may be broken until a day."""

    name: str
    """Of the limit."""
    reason: str
    until: datetime.date
    """The last day."""


class Budget(Settings, frozen=True):
    """Limits on measurements. All are upper limits but `speedup`, `accuracy`, `metric_min` and
    `npu_coverage`.

    Written with a sign, as in "+5 %" or "+0 B", a limit is what may be added to the baseline's figure.
    """

    model_size: Bytes | None = None
    download_size: Bytes | None = None
    """Deflated, as an app store or an update sends it."""
    arena: Bytes | None = None
    flash: Bytes | None = None
    """Code and constants of standalone C, linked for the core;"""
    ram: Bytes | None = None
    """its data, arena and stack;"""
    instructions: Count | None = None
    """and what one inference executes there."""
    npu_coverage: Percent | None = None
    """Share of the operators that run on the NPU. With an NPU `arena` and `latency` are Vela's estimates for it."""
    latency: Nanoseconds | None = None
    """The 90th percentile."""
    latency_p50: Nanoseconds | None = None
    latency_p99: Nanoseconds | None = None
    load_time: Nanoseconds | None = None
    resident_memory: Bytes | None = None
    macs: Count | None = None
    speedup: Ratio | None = None
    """Median latency of the float model over that of the shipped one, in the same build and runtime."""
    accuracy: Percent | None = None
    accuracy_drop: Percent | None = None
    churn: Percent | None = None
    """Samples whose class is not the float model's."""
    max_lsb: Number | None = None
    """How far any output may be from that of the runtime that ships, in steps of the stored integer, in any other
    runtime of the target and in the reference kernels."""
    metric_min: Number | None = None
    """The least that the project's own metric may be,"""
    metric_max: Number | None = None
    """and the most, for those of which less is better."""
    metric_loss: Number | None = None
    """By how much it may be worse than the float model's."""
    levels: dict[str, Level] = msgspec.field(default_factory=dict)
    """What a broken limit means, by its name: `error` (the default), `warn` or `off`."""
    waivers: tuple[Waiver, ...] = ()
    """Limits that may be broken for a while."""

    @property
    def limits(self) -> dict[str, Limit]:
        """What is set and not off, in the order above."""
        names = [field.name for field in msgspec.structs.fields(self) if field.name not in ("levels", "waivers")]
        found = {name: limit for name in names if (limit := getattr(self, name)) is not None}
        return {name: limit for name, limit in found.items() if self.levels.get(name) != "off"}


class Outputs(Settings, frozen=True):
    """What is handed over beside `model.tflite` and the reports."""

    c_standalone: bool = False
    """C11 without an interpreter, with the outputs of TFLM byte for byte."""
    c_kernels: str = ""
    """`portable`, `dsp` or `cmsis-nn`; `dsp` by default where `hardware.cpu` is known to have such instructions."""
    cmsis_nn: str = ""
    """Folder of CMSIS-NN, for its kernels."""
    c_tables: bool | None = None
    """Whether its weights are indexes into tables where that takes fewer bytes; by default where `model.tflite` has
    them."""
    c_array: bool = False
    c_name: str | None = None
    """Identifier of the C symbols; the model's name by default."""
    c_section: str | None = None
    """Linker section of the array, such as ".rodata.models"."""
    c_attribute: Literal["PROGMEM"] | None = None
    """`PROGMEM` puts the array into the flash of AVR boards."""


class Target(Settings, frozen=True):
    """A device profile: what the device has, what is done to the model, and what it may cost there."""

    name: str
    description: str
    hardware: Hardware
    recipe: Recipe
    runtimes: Runtimes
    budget: Budget = Budget()
    outputs: Outputs = Outputs()

    @property
    def sha256(self) -> str:
        """Of what the profile says, not of how the file is written: comments and order do not count."""
        return hashlib.sha256(msgspec.json.encode(encode(self), order="sorted")).hexdigest()


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
    from edgekit.runtimes import RUNTIMES, scheme_refusal
    from edgekit.runtimes.support import supported

    for key, name in [("ship", target.runtimes.ship), *(("compare", r) for r in target.runtimes.compare)]:
        if name not in RUNTIMES:
            raise TargetError(f'{where}: runtimes.{key}: unknown runtime "{name}"; {nearest(name, list(RUNTIMES))}')
    _check_budget(target.budget, where)
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
    if target.budget.arena is not None and target.runtimes.ship != "tflm" and not target.hardware.npu:
        raise TargetError(
            f'{where}: budget.arena: "{target.runtimes.ship}" has no arena; remove the line or ship "tflm"'
        )
    if target.outputs.c_standalone and target.runtimes.ship != "tflm":
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
        and not (target.runtimes.ship == "tflm" and shrink and shrink.lookup_tables)
    ):
        raise TargetError(
            f"{where}: recipe.cluster.goal: only lookup tables make a file of clustered weights smaller, which need "
            'runtimes.ship = "tflm" and recipe.shrink.lookup_tables; remove it'
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
    for place, named in (("levels", list(budget.levels)), ("waivers", [waiver.name for waiver in budget.waivers])):
        for name in named:
            if name not in names:
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
    left = [name for name in get_args(Technique) if getattr(recipe, name) and name not in recipe.techniques]
    if left:
        raise TargetError(f"{where}: recipe.order: leaves out {left[0]}, which the recipe sets; add it")
    if len(set(recipe.order)) < len(recipe.order):
        raise TargetError(f"{where}: recipe.order: names a technique twice")
    shares = [*recipe.prune.layers.values(), recipe.prune.sparsity] if recipe.prune else []
    if recipe.prune and recipe.prune.pattern == "2:4" and any(share not in (0, 0.5) for share in shares):
        raise TargetError(f'{where}: recipe.prune: the pattern "2:4" is a sparsity of 0.5; write sparsity = 0.5')
    if recipe.qat and not (recipe.quantize and recipe.quantize.scheme == "int8"):
        raise TargetError(f'{where}: recipe.qat: trains for int8; set recipe.quantize with scheme = "int8"')
    d = recipe.distil
    if d and not (d.soft or d.hard or d.features or d.attention or d.adversarial):
        raise TargetError(f"{where}: recipe.distil: all weights of its losses are 0; set one, such as soft = 0.9")


def _shown(path: Path) -> Path:
    """The path as a person would type it here."""
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path
