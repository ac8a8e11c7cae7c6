"""Target profiles: `targets/NAME.toml` as frozen types."""

import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from edgekit.config import Settings, decode, encode, nearest, parse_value, read_table
from edgekit.errors import TargetError
from edgekit.units import Bytes, Count, Hertz, Nanoseconds, Percent, Ratio

Positive = Annotated[int, Meta(ge=1)]


class Hardware(Settings, frozen=True):
    """What the device has. It describes; only the budget decides."""

    cpu: str
    clock: Hertz | None = None
    ram: Bytes | None = None
    flash: Bytes | None = None


class Prune(Settings, frozen=True):
    """Weights set to zero by magnitude, while the model trains on.

    Source: Zhu and Gupta 2017, "To prune, or not to prune", section 3 (the polynomial schedule).
    """

    sparsity: Annotated[float, Meta(ge=0, lt=1)]
    """Share of each pruned layer's weights that end as zero."""
    epochs: Positive = 2
    schedule: Literal["polynomial", "constant"] = "polynomial"
    initial_sparsity: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    """Where the polynomial schedule starts."""
    settle: Annotated[float, Meta(ge=0, lt=1)] = 0.25
    """Share of the training at the end in which the masks stay as they are, so that the rest can recover."""
    required: bool = False
    """Whether a model that cannot be pruned is an error; otherwise the report says why it was not."""
    batch_size: Positive = 64
    learning_rate: Annotated[float, Meta(gt=0)] = 1e-3


class Quantize(Settings, frozen=True):
    """Weights and activations as integers.

    Source: Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
    Inference"; the int8 rules are those of the TensorFlow Lite 8-bit quantization specification.
    """

    scheme: Literal["int8"] = "int8"
    calibration_samples: Positive = 256
    """Training samples, as many of each class, whose activations set the ranges."""
    io: Literal["int8", "float32"] = "int8"
    """Type of the model's inputs and outputs."""
    allow_float_ops: bool = False
    """Whether operators that have no integer form may stay in floating point."""


class Recipe(Settings, frozen=True):
    """What is done to the model. A part that is left out is not done; `prune = false` takes an inherited one away."""

    seed: Annotated[int, Meta(ge=0, lt=2**31)] = 1
    """All randomness of the recipe: the order of samples, the choice of the calibration set."""
    input_shape: str = ""
    """Sizes that the model leaves open: "96x96x3", or "left=96x96x3,right=10"."""
    prune: Prune | None = None
    quantize: Quantize | None = None


class Runtimes(Settings, frozen=True):
    """Which engine executes the model."""

    ship: str
    """What runs on the device: its measurements decide the verdict."""
    compare: tuple[str, ...] = ()
    """What else is run, to show where results differ."""
    threads: Positive = 1
    time_limit: Nanoseconds = Nanoseconds(300e9)
    """After this a runtime's measurement counts as failed."""


class Budget(Settings, frozen=True):
    """Limits on measurements. All are upper limits but `speedup` and `accuracy`."""

    model_size: Bytes | None = None
    download_size: Bytes | None = None
    """Deflated, as an app store or an update sends it."""
    arena: Bytes | None = None
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


class Outputs(Settings, frozen=True):
    """What is handed over beside `model.tflite` and the reports."""

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


def load_targets(names: list[str], folders: list[Path], overrides: tuple[str, ...]) -> list[Target]:
    """The profiles of a command; `all` stands for those of the project, or those edgekit brings if it has none.

    Raises:
      TargetError: no name is given, or a profile is wrong.
    """
    if not names:
        raise TargetError(
            f"no target; give --target=NAME, or all: there is {', '.join(sorted(known_targets(folders)))}"
        )
    if "all" in names:
        names = sorted(next((found for f in folders if (found := known_targets([f]))), {}))
    return [load_target(name, folders, overrides) for name in dict.fromkeys(names)]


def load_target(name: str, folders: list[Path], overrides: tuple[str, ...] = ()) -> Target:
    """Reads a profile, what it extends, and the overrides of this build.

    Args:
      name: of a file in `folders`, without `.toml`.
      overrides: `key=value` with dots in the key, such as `recipe.prune.sparsity=0.7`.

    Raises:
      TargetError: there is no such profile, or something in it is wrong.
    """
    table = _table(name, known_targets(folders), ())
    where = str(_shown(known_targets(folders)[name]))
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals or not all(key.split(".")):
            raise TargetError(f"--set {override}: not of the form key=value; write --set recipe.prune.sparsity=0.7")
        _put(table, key.split("."), parse_value(value), override)
    if overrides:
        where += " with " + " ".join(f"--set {o}" for o in overrides)
    recipe = table.get("recipe")
    if isinstance(recipe, dict):
        table["recipe"] = {k: v for k, v in recipe.items() if v is not False}
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
    from edgekit.runtimes import RUNTIMES

    for key, name in [("ship", target.runtimes.ship), *(("compare", r) for r in target.runtimes.compare)]:
        if name not in RUNTIMES:
            raise TargetError(f'{where}: runtimes.{key}: unknown runtime "{name}"; {nearest(name, list(RUNTIMES))}')
    if target.budget.arena is not None and target.runtimes.ship != "tflm":
        raise TargetError(
            f'{where}: budget.arena: "{target.runtimes.ship}" has no arena; remove the line or ship "tflm"'
        )


def _shown(path: Path) -> Path:
    """The path as a person would type it here."""
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path
