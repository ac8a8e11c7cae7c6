"""The files that make a folder a project, as texts: what `edgekit init` writes."""

from __future__ import annotations

import importlib.metadata
import json
import re
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from edgekit.data.spec import Preprocessing
from edgekit.emit.render import render
from edgekit.engine.libraries import DISTRIBUTION
from edgekit.measure.headroom import ProposedLimit
from edgekit.profile.recipe import Recipe
from edgekit.toml import header, noted, written
from edgekit.types import ModelFacts, Reading

TEMPLATES = Path(__file__).with_name("templates")
PROJECT, IGNORED, TASKS = "pyproject.toml", ".gitignore", "tasks.py"
GITHUB, GITLAB = ".github/workflows/edgekit.yml", ".gitlab-ci.yml"
HEAD = (
    "Limits from one measurement of the model. Sizes, counts and times: at least a tenth of the limit is free.",
    "Accuracy, drop and churn: the limit is twice as far from the value as the end of its 95 % interval.",
)
LEFT_BEHIND = (".edgekit/", "build/")
"""What builds leave in a project and no repository holds."""
SIMULATION = "gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm"
"""Packages of Debian that build standalone C and run it on a simulated core."""
INSTALL = 'python -m pip install "${EDGEKIT:?set the variable EDGEKIT to a wheel of edgekit or its git+https address}"'
COMMANDS = (INSTALL, "edgekit build --target=all", "edgekit check")
TASKS_TEXT = '''"""`invoke TASK` in this project does what `edgekit TASK` does."""

from edgekit.tasks import namespace

__all__ = ["namespace"]
'''


class Entry(Struct, frozen=True):
    """A model as pyproject.toml names it."""

    name: str
    model: str
    """Relative to the project, or `module:function`."""
    data: str
    preprocessing: Preprocessing = Preprocessing()
    scale: str = ""
    """What the preprocessing does, for a person."""
    metric: str = "accuracy"
    group: str = ""
    reading: Reading = Reading()


class Setting(Struct, frozen=True):
    """A key of a profile that this model needs otherwise than the device's profile has it."""

    table: str
    """Such as `recipe.prune`."""
    key: str
    value: bool | int | str
    why: str
    """For a person."""


class Profile(Struct, frozen=True):
    """A target of a project, as its file says it."""

    name: str
    device: str
    """The profile that it extends."""
    settings: tuple[Setting, ...] = ()
    limits: tuple[ProposedLimit, ...] = ()

    @property
    def standalone(self) -> bool:
        """Whether the model can be written as standalone C."""
        return all(setting.table != "outputs" for setting in self.settings)


def adjusted(recipe: Recipe, facts: ModelFacts, samples: int) -> tuple[Setting, ...]:
    """What of a device's recipe a model and its dataset need otherwise, so that a build has nothing to say of it.

    Args:
      samples: to train and calibrate with.
    """
    found, quantize = list[Setting](), recipe.quantize
    for name, technique in recipe.techniques.items():
        if facts.form != "keras":
            found.append(Setting("recipe", name, False, "the model is a graph, which cannot be trained"))
        elif technique.too_short(name, samples):
            epochs = technique.enough(samples)
            found.append(Setting(f"recipe.{name}", "epochs", epochs, f"so many, because there are {samples} samples"))
    if quantize and facts.form == "int8":
        found.append(Setting("recipe", "quantize", False, "the model is quantized already"))
    elif quantize and quantize.static and samples < quantize.calibration_samples:
        found.append(Setting("recipe.quantize", "calibration_samples", samples, "all that there are"))
    return tuple(found)


def project_text(entry: Entry) -> str:
    """The table of a model in pyproject.toml."""
    scaled = msgspec.to_builtins(entry.preprocessing.given)
    said: dict[str, Any] = {
        "preprocessing": scaled,
        "input_shape": entry.reading.input_shape,
        "custom_objects": entry.reading.custom_objects,
        "metric": entry.metric if entry.metric != "accuracy" else "",
        "group": entry.group,
    }
    table = {"model": entry.model, "data": entry.data} | {name: value for name, value in said.items() if value}
    lines = [(f"{name} = {written(value)}", entry.scale * (value is scaled)) for name, value in table.items()]
    return "\n".join([header("tool", "edgekit", "models", entry.name), *noted(lines)]) + "\n"


def target_text(profile: Profile) -> str:
    """A target's file."""
    rows: list[tuple[str, str, Any, str]] = [(s.table, s.key, s.value, s.why) for s in profile.settings]
    for limit in profile.limits:
        rows.append(("budget", limit.name, limit.limit, f"{limit.measured} {limit.source}; {limit.room}"))
    rows.sort(key=lambda row: row[0])  # a table before those in it
    tables = [name for name, *_ in rows]
    said = noted((f"{name} = {written(value)}", why) for _, name, value, why in rows)
    lines = [*(f"# {line}" for line in HEAD), f"extends = {written(profile.device)}"]
    for number, line in enumerate(said):
        begins = number == 0 or tables[number] != tables[number - 1]
        lines += ["", header(*tables[number].split(".")), line] if begins else [line]
    return "\n".join(lines) + "\n"


def ignored_text(before: str) -> str:
    """The lines that a `.gitignore` lacks; "" where it has them all."""
    there = {line.strip().strip("/") for line in before.splitlines()}
    return "".join(f"{line}\n" for line in LEFT_BEHIND if line.strip("/") not in there)


def pipelines(simulated: bool) -> dict[str, str]:
    """Files for continuous integration, by their paths.

    Args:
      simulated: whether a build runs standalone C on a simulated core.
    """
    facts = {
        "commands": [json.dumps(command, ensure_ascii=False) for command in COMMANDS],
        "packages": SIMULATION if simulated else "",
    }
    address = installed_from()
    quoted = json.dumps(address) if address else ""
    return {
        GITHUB: render(
            "github.yml", facts | {"edgekit": quoted or "${{ vars.EDGEKIT }}", "sha": "${{ github.sha }}"}, TEMPLATES
        ),
        GITLAB: render("gitlab.yml", facts | {"edgekit": quoted}, TEMPLATES),
    }


def installed_from() -> str:
    """What pip installs to get this edgekit from where it came, if that is a repository; else "".

    Source: PEP 610, "Recording the Direct URL Origin of installed distributions".
    """
    try:
        text = importlib.metadata.distribution(DISTRIBUTION).read_text("direct_url.json")
        said = msgspec.json.decode(text or "{}", type=_Origin)
    except (importlib.metadata.PackageNotFoundError, msgspec.MsgspecError):
        return ""
    if said.vcs_info is None or not re.fullmatch(r"(https|ssh)://[\w.@:/~%+-]+", said.url):
        return ""
    return f"{DISTRIBUTION} @ {said.vcs_info.vcs}+{said.url}@{said.vcs_info.commit_id}"


class _Revision(Struct, frozen=True):
    vcs: str
    commit_id: str


class _Origin(Struct, frozen=True):
    url: str = ""
    vcs_info: _Revision | None = None
