"""A project gets a target for a further device: its model is measured there, and the limits follow from that."""

from __future__ import annotations

import os
from pathlib import Path

from edgekit.commands.first_build import Draft, first_build
from edgekit.commands.init import Started, started
from edgekit.commands.wish import Wish
from edgekit.config import tables
from edgekit.data.spec import RANDOM
from edgekit.engine.make import Listener
from edgekit.errors import ProjectError
from edgekit.files import check_writable, write
from edgekit.profile.project import ModelSpec, Project, find_project, is_function, select_model
from edgekit.profile.starter import PROJECT, Entry, Profile, target_text


def project_in(folder: Path) -> Project | None:
    """The project whose pyproject.toml lies in a folder; None where the folder is to become one.

    Raises:
      ProjectError: its table is wrong.
    """
    try:
        text = (folder / PROJECT).read_text(encoding="utf-8")
        tool = tables(text, "", ProjectError).get("tool")
    except (OSError, UnicodeDecodeError, ProjectError):
        return None  # whoever writes the file says what is wrong with it
    return find_project(folder.absolute()) if isinstance(tool, dict) and "edgekit" in tool else None


def further(project: Project, wish: Wish, ui: Listener) -> Started:
    """Adds a target for a device; nothing else of the project changes.

    Raises:
      ProjectError: there is such a target, the project has several models and none is named, or an option belongs to
        pyproject.toml.
      EdgekitError: the model cannot be built for the device.
    """
    spec, file = _checked(project, wish), project.target_folders[0] / f"{wish.device}.toml"
    entry = Entry(
        spec.name, _said(spec.model, project), _said(spec.data, project), metric=spec.metric, reading=spec.reading
    )
    found = first_build(Draft(project.root, entry, Profile(wish.device, wish.device), project), ui)
    write(file, target_text(found.draft.profile).encode())
    return started(found, [os.path.relpath(file, project.root)])


def _checked(project: Project, wish: Wish) -> ModelSpec:
    """The model, where the project can have such a target."""
    where = os.path.relpath(project.root / PROJECT)
    typed = {
        "--data": wish.data,
        "--input-shape": wish.reading.input_shape,
        "--custom-objects": wish.reading.custom_objects,
        "--metric": wish.metric if wish.metric != "accuracy" else "",
        "--skip": wish.skip,
    }
    names = " or ".join(project.models)
    if wish.model and wish.model not in project.models:
        raise ProjectError(
            f"{where}: has [tool.edgekit], so this is a project already, and nothing was written; a further target "
            f"takes --model={names or 'NAME'}, a name in that file"
        )
    if option := next((option for option, value in typed.items() if value), ""):
        raise ProjectError(
            f"{where}: has [tool.edgekit], so this is a project already, and nothing was written; a further target "
            f"takes what that file says: leave {option} out"
        )
    file = project.target_folders[0] / f"{wish.device}.toml"
    if os.path.lexists(file):
        raise ProjectError(
            f"{os.path.relpath(file)}: there already, and nothing was written; edgekit build --target={wish.device} "
            "builds for it, and another --target=NAME adds a device"
        )
    check_writable(file.parent, "make the folder writable for you")
    return select_model(project, wish.model or None, None, wish.reading)


def _said(place: str, project: Project) -> str:
    """A place as a person knows it: relative to the project, where it is a path."""
    return place if place == RANDOM or is_function(place) else os.path.relpath(place, project.root)
