"""`[tool.edgekit]` in pyproject.toml: the models, datasets and targets of a project."""

import os
import re
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from edgekit.config import Settings, decode, nearest, project_table
from edgekit.data.spec import Preprocessing
from edgekit.engine.remote import Remote, is_url
from edgekit.engine.store import Store
from edgekit.errors import ProjectError
from edgekit.files import near
from edgekit.frontend.kinds import AnyFrontend
from edgekit.frontend.stream import Stream
from edgekit.measure.limits import Budget
from edgekit.profile.known import built_in, known_targets
from edgekit.types import Reading, Struct

_LABEL_BYTES = 255
"""The most that a class's name takes, as a file's does."""
_FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


class ModelTable(Settings, frozen=True):
    """`[tool.edgekit.models.NAME]`."""

    model: str
    """A Keras file, a SavedModel or a `.tflite`, relative to pyproject.toml, or `module:function` of a builder."""
    data: str | None = None
    """A dataset: `.npz`, a folder of class folders with images or recordings, `module:function`, or `random`."""
    frontend: AnyFrontend | None = None
    """What makes the model's input of what a sensor gives; the dataset then holds that."""
    stream: Stream | None = None
    """How answers on a stream of the sensor become detections."""
    preprocessing: Preprocessing = Preprocessing()
    input_shape: str = ""
    """Sizes that the model leaves open: "96x96x3", or "left=96x96x3,right=10"."""
    custom_objects: str = ""
    """Module of the model's own layers."""
    metric: str | dict[str, str] = "accuracy"
    """How good it is: accuracy, top-5, f1, auc, mae, mse or `module:function`; of several outputs by their names."""
    group: str = ""
    """Array of the dataset that says which samples belong together, such as `subject`: no two parts share one. For a
    folder of recordings an expression that finds it in a file's path, such as `_([a-z]+)_`."""
    labels: tuple[str, ...] = ()
    """Names of the classes, in the order of the model's outputs; those of the folders where the data is in folders."""
    budgets: dict[str, Any] = msgspec.field(default_factory=dict)
    """What this model may cost, by target: each a `Budget`, which goes over that of the profile."""


class ProjectTable(Settings, frozen=True):
    """`[tool.edgekit]`."""

    models: dict[str, Any] = msgspec.field(default_factory=dict)
    """Each a `ModelTable`, read by itself so that an error can name it."""
    targets: str = "targets"
    """Folder of the target profiles."""
    baseline: str = ""
    """The baseline that builds are compared with where --baseline names no other."""
    store: str = ""
    """Where machines share results: a URL such as s3://bucket/folder, or a folder relative to pyproject.toml."""


class ModelSpec(Struct, frozen=True):
    """A model to build, with its dataset."""

    name: str
    model: str
    """The absolute path of a file or folder, or `module:function`."""
    data: str
    """`random`, `module:function`, or the absolute path of a file or folder."""
    preprocessing: Preprocessing
    reading: Reading
    metric: str = "accuracy"
    """`NAME`, or `OUTPUT=NAME;…`, see `edgekit.measure.metrics`."""
    labels: tuple[str, ...] = ()
    """Of the classes; empty where the project does not say."""
    group: str = ""
    """The array of the dataset by which it is split."""
    budgets: dict[str, dict[str, Any]] = msgspec.field(default_factory=dict)
    """What the project says of the model's cost, by target: each goes over the budget of the profile."""
    frontend: AnyFrontend | None = None
    """What makes the model's input of what a sensor gives."""
    stream: Stream | None = None
    """How answers become detections; its recordings are an absolute path."""


class Project(Struct, frozen=True):
    """Where a project lies and what it names."""

    root: Path
    models: dict[str, ModelSpec]
    target_folders: list[Path]
    baseline: str = ""
    shared: str = ""
    """Folder or URL of the results that builds share, where pyproject.toml names one."""
    store_folder: Path | None = None
    """Of the results of one command, which shares nothing."""

    def folder(self, typed: str | None, default: str = "build") -> Path:
        """A folder that a person typed, from where they stand; else one of the project, as one would type it here."""
        return Path(typed) if typed else Path(os.path.relpath(self.root / default))

    @property
    def store(self) -> Path:
        """Folder of the results that builds share on this machine."""
        place = self._place
        return self.store_folder or (self.root / (".edgekit" if is_url(place) else place or ".edgekit"))

    def open_store(self) -> Store:
        """What was made before: in the folder, and behind it in the place that machines share.

        Raises:
          ProjectError: the URL is of a kind that nobody knows.
          SetupError: the library for this kind is not installed.
        """
        remote = not self.store_folder and is_url(self._place)
        return Store(self.store, Remote(self._place) if remote else None)

    @property
    def _place(self) -> str:
        named = os.environ.get("EDGEKIT_STORE", "")
        return str(Path(named).absolute()) if named and not is_url(named) else named or self.shared


def find_project(start: Path) -> Project:
    """The project around a folder: the nearest pyproject.toml upwards with `[tool.edgekit]`.

    Without one, the folder itself is the project, with no models of its own and the profiles that edgekit brings.

    Raises:
      ProjectError: the file or its table is wrong.
    """
    if not (found := project_table(start, ProjectError)):
        return project_at(start, ProjectTable())
    folder, table = found
    where = f"{folder / 'pyproject.toml'}: tool.edgekit"
    return project_at(folder, decode(table, ProjectTable, where, ProjectError))


_AS_THE_PROJECT_SAYS = Reading()


def select_model(project: Project, model: str | None, data: str | None, reading: Reading) -> ModelSpec:
    """The one model that a command is about; see `select_models`.

    Raises:
      ProjectError: the project has several.
    """
    specs = select_models(project, model, data, reading)
    if len(specs) > 1:
        raise ProjectError(f"several models: {', '.join(s.name for s in specs)}; say which with --model=NAME")
    return specs[0]


def select_models(
    project: Project, model: str | None, data: str | None, reading: Reading = _AS_THE_PROJECT_SAYS
) -> list[ModelSpec]:
    """The models that a command is about.

    Args:
      model: a name of the project, a path, or `module:function`; all models of the project where it is None.
      data: replaces the models' own dataset.
      reading: replaces what the project says, where it says something.

    Raises:
      ProjectError: there is no such model, or it has no dataset.
    """
    check_not_swapped(model, data)
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
        if not path.exists() and not is_function(model):
            advice = nearest(model, project.models) if project.models else "give the path of a Keras file"
            raise ProjectError(f"--model={model}: no such model file or model of the project; {near(path, advice)}")
        name = folder_name(model.partition(":")[2] if is_function(model) else path.stem)
        specs = [ModelSpec(name, _located(model, Path.cwd()), "", Preprocessing(), Reading())]
    specs = [
        replace(
            spec,
            data=spec.data if data is None else _located(data, Path.cwd()),
            reading=Reading(
                reading.input_shape or spec.reading.input_shape,
                reading.custom_objects or spec.reading.custom_objects,
                reading.trust,
            ),
        )
        for spec in specs
    ]
    for spec in specs:
        if not spec.data:
            raise ProjectError(
                f"model {spec.name}: no dataset to calibrate and score with; give --data=PATH (.npz, a folder of class "
                "folders, or module:function), or --data=random for size and speed only"
            )
    return specs


def check_not_swapped(model: str | None, data: str | None) -> None:
    """Refuses a model and a dataset that were typed for each other.

    Raises:
      ProjectError: with the options as they are meant.
    """
    if not model or not data or Path(model).suffix == Path(data).suffix:
        return
    if Path(model).suffix == ".npz" or Path(data).suffix in (".keras", ".h5", ".hdf5", ".tflite"):
        raise ProjectError(
            f"--model={model} --data={data}: model and data look swapped; write --model={data} --data={model}"
        )


def is_function(text: str) -> bool:
    """Whether a model or dataset is `module:function`."""
    return _FUNCTION.fullmatch(text) is not None


def project_at(root: Path, table: ProjectTable) -> Project:
    """A project in a folder, as its table says it.

    Raises:
      ProjectError: something in it is wrong.
    """
    from edgekit.data.metric import check_metric

    folders = [root / table.targets, built_in()]
    models = {}
    for name, keys in table.models.items():
        entry = decode(keys, ModelTable, f"{root / 'pyproject.toml'}: tool.edgekit.models.{name}", ProjectError)
        if name != folder_name(name):
            raise ProjectError(
                f'{root / "pyproject.toml"}: tool.edgekit.models."{name}": the name becomes a folder; '
                "use letters, digits, '.', '-' and '_'"
            )
        data = _located(entry.data, root) if entry.data else ""
        reading = Reading(entry.input_shape, entry.custom_objects)
        metric = entry.metric
        if isinstance(metric, dict):
            metric = ";".join(f"{output}={of_one}" for output, of_one in metric.items())
        check_metric(metric, f"{root / 'pyproject.toml'}: tool.edgekit.models.{name}.metric")
        if long := next((label for label in entry.labels if len(label.encode()) > _LABEL_BYTES), None):
            raise ProjectError(
                f"{root / 'pyproject.toml'}: tool.edgekit.models.{name}.labels: {long[:20]!r} … has more than "
                f"{_LABEL_BYTES} bytes; shorten it"
            )
        if problem := entry.preprocessing.problem():
            where = f"{root / 'pyproject.toml'}: tool.edgekit.models.{name}"
            raise ProjectError(f"{where}.preprocessing{problem}")
        path = _located(entry.model, root)
        for target, limits in entry.budgets.items():
            where = f"{root / 'pyproject.toml'}: tool.edgekit.{budget_table(name, target)}"
            if target not in (known := known_targets(folders)):
                raise ProjectError(f'{where}: unknown target "{target}"; {nearest(target, list(known))}')
            decode(limits, Budget, where, ProjectError)
        models[name] = ModelSpec(
            name,
            path,
            data,
            entry.preprocessing,
            reading,
            metric,
            entry.labels,
            entry.group,
            entry.budgets,
            entry.frontend,
            _stream(entry, root, f"{root / 'pyproject.toml'}: tool.edgekit.models.{name}"),
        )
    return Project(root, models, folders, table.baseline, table.store)


def _stream(entry: ModelTable, root: Path, where: str) -> Stream | None:
    """A model's stream, with the absolute path of its recordings."""
    said = entry.stream
    if said is None:
        return None
    if entry.frontend is None:
        raise ProjectError(f"{where}.stream: needs a front-end; add the table {where.rpartition(': ')[2]}.frontend")
    return replace(said, recordings=_located(said.recordings, root)) if said.recordings else said


def budget_table(model: str, target: str) -> str:
    """The table with the limits of a model for a target, in `[tool.edgekit]`."""
    return f"models.{model}.budgets.{target}"


def _located(data: str, base: Path) -> str:
    """`data` with its path made absolute, where it is a path."""
    if data == "random" or (is_function(data) and not (base / data).exists()):
        return data
    return os.path.normpath((base / data).absolute())


def folder_name(text: str) -> str:
    """What a model is called by default: a text without what a folder's name cannot hold."""
    return re.sub(r"[^\w.-]+", "_", text, flags=re.ASCII).strip(".") or "model"
