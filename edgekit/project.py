"""`[tool.edgekit]` in pyproject.toml: the models, datasets and targets of a project."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import msgspec

from edgekit.config import Settings, decode, nearest, read_table
from edgekit.errors import ProjectError
from edgekit.types import Struct

_FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


class Preprocessing(Settings, frozen=True):
    """What turns stored samples into what the model was trained on: `sample * scale + offset`, as float32."""

    scale: float = 1.0
    offset: float = 0.0


class ModelTable(Settings, frozen=True):
    """`[tool.edgekit.models.NAME]`."""

    model: str
    """A Keras file, relative to pyproject.toml."""
    data: str | None = None
    """A dataset: `.npz`, a folder of class folders with images, `module:function`, or `random`."""
    preprocessing: Preprocessing = Preprocessing()


class ProjectTable(Settings, frozen=True):
    """`[tool.edgekit]`."""

    models: dict[str, ModelTable] = msgspec.field(default_factory=dict)
    targets: str = "targets"
    """Folder of the target profiles."""


class ModelSpec(Struct, frozen=True):
    """A model to build, with its dataset."""

    name: str
    model: Path
    data: str
    """`random`, `module:function`, or the absolute path of a file or folder."""
    preprocessing: Preprocessing


class Project(Struct, frozen=True):
    """Where a project lies and what it names."""

    root: Path
    models: dict[str, ModelSpec]
    target_folders: list[Path]

    @property
    def store(self) -> Path:
        """Folder of the results that builds share; the environment variable EDGEKIT_STORE moves it."""
        return Path(os.environ.get("EDGEKIT_STORE") or self.root / ".edgekit")


def find_project(start: Path) -> Project:
    """The project around a folder: the nearest pyproject.toml upwards with `[tool.edgekit]`.

    Without one, the folder itself is the project, with no models of its own and the profiles that edgekit brings.

    Raises:
      ProjectError: the file or its table is wrong.
    """
    for folder in (start, *start.parents):
        file = folder / "pyproject.toml"
        if not file.is_file():
            continue
        table: dict[str, Any] = read_table(file, ProjectError).get("tool", {})
        if "edgekit" in table:
            return _project(folder, decode(table["edgekit"], ProjectTable, f"{file}: tool.edgekit", ProjectError))
    return _project(start, ProjectTable())


def select_models(project: Project, model: str | None, data: str | None) -> list[ModelSpec]:
    """The models that a command is about.

    Args:
      model: a name of the project or a path; all models of the project where it is None.
      data: replaces the models' own dataset.

    Raises:
      ProjectError: there is no such model, or it has no dataset.
    """
    if model is None:
        specs = list(project.models.values())
        if not specs:
            raise ProjectError(
                f"{project.root}: no model: name one in pyproject.toml under [tool.edgekit.models.NAME], "
                "or give --model=PATH"
            )
    elif model in project.models:
        specs = [project.models[model]]
    else:
        path = Path(model)
        if not path.exists() and not path.suffix and project.models:
            raise ProjectError(f"--model={model}: unknown model; {nearest(model, list(project.models))}")
        specs = [ModelSpec(name=_folder_name(path.stem), model=path.absolute(), data="", preprocessing=Preprocessing())]
    if data is not None:
        specs = [ModelSpec(s.name, s.model, _located(data, Path.cwd()), s.preprocessing) for s in specs]
    for spec in specs:
        if not spec.data:
            raise ProjectError(
                f"model {spec.name}: no dataset to calibrate and score with; give --data=PATH (.npz, a folder of class "
                "folders, or module:function), or --data=random for size and speed only"
            )
    return specs


def _project(root: Path, table: ProjectTable) -> Project:
    models = {}
    for name, entry in table.models.items():
        if name != _folder_name(name):
            raise ProjectError(
                f'{root / "pyproject.toml"}: tool.edgekit.models."{name}": the name becomes a folder; '
                "use letters, digits, '.', '-' and '_'"
            )
        data = _located(entry.data, root) if entry.data else ""
        models[name] = ModelSpec(name, root / entry.model, data, entry.preprocessing)
    own = Path(__file__).parent
    return Project(root, models, [root / table.targets, own / "targets", own.parent / "targets"])


def _located(data: str, base: Path) -> str:
    """`data` with its path made absolute, where it is a path."""
    if data == "random" or (_FUNCTION.fullmatch(data) and not (base / data).exists()):
        return data
    return str((base / data).absolute())


def _folder_name(text: str) -> str:
    return re.sub(r"[^\w.-]+", "_", text, flags=re.ASCII).strip(".") or "model"
