"""The report of a build: everything that was made, measured and judged. Published as `edgekit.report/1`."""

from typing import Any, Final, Literal

from msgspec import Struct

from edgekit.npu.vela import NpuModel
from edgekit.types import Agreement, Artifact, Attempt, BudgetLine, Machine, Measurement, StageRow, VerdictWord

REPORT: Final = "edgekit.report/1"
MANIFEST: Final = "edgekit.manifest/1"


class ModelEntry(Struct, frozen=True):
    """The model that was built from."""

    name: str
    source: str
    """Its path, relative to the project where it lies inside."""
    sha256: str
    parameters: int
    macs: int
    """Multiply-accumulates of one inference, of the float model."""
    format: str = ""
    saved: str = ""
    """When its file was saved, as a `.keras` file says of itself."""


class Commit(Struct, frozen=True):
    """The commit of git that a project was at."""

    sha: str
    date: str
    """Of the commit, `YYYY-MM-DD HH:MM` with its offset from UTC."""
    clean: bool
    """Whether all tracked files were as committed, those of the build's own folder aside."""


class TargetEntry(Struct, frozen=True):
    """The profile that it was built for."""

    name: str
    sha256: str
    """Of the resolved profile, overrides included."""
    description: str = ""
    overrides: tuple[str, ...] = ()
    """What `--set` changed for this build."""
    limits: dict[str, str] = {}
    """Where each limit of the budget was said: a file, with the table in pyproject.toml; or `--set`."""


class Distribution(Struct, frozen=True):
    """Single runs of one model under one runtime."""

    artifact: str
    runtime: str
    """Name and version."""
    rounds: list[list[int]]
    """Of each process the quantiles of its runs, in ns: see `edgekit.measure.intervals.SHARES`."""


class BaselineEntry(Struct, frozen=True):
    """A release that a build is held against."""

    name: str
    sha256: str
    """Of what shipped."""
    measurements: list[Measurement]
    """Of what shipped, in the runtime that ships, as they were then."""


class Report(Struct, frozen=True):
    """`report.json`."""

    schema: Literal["edgekit.report/1"]
    model: ModelEntry
    target: TargetEntry
    artifacts: list[Artifact]
    """What ships; paths are relative to the report."""
    stages: list[StageRow]
    measurements: list[Measurement]
    budget: list[BudgetLine]
    verdict: VerdictWord
    notes: list[str]
    """What a reader has to know before the figures, and what to do about it: done, it is not said again."""
    threads: int
    """That each runtime may use."""
    rungs: list[Attempt]
    """What the rescue tried, where the recipe asks for one."""
    machine: Machine
    """The build host, which the measurements of time are of."""
    baseline: BaselineEntry | None = None
    """What the build was held against."""
    shipped: str = ""
    """The runtime that stands for the device."""
    npu: NpuModel | None = None
    """What Vela made of it, where the target has an NPU."""
    conformance: list[Agreement] = []
    """Other runtimes against the one that ships."""
    distributions: list[Distribution] = []
    """Latencies behind the measurements."""
    commit: Commit | None = None
    """Where the project lies in a repository of git."""
    recipe: str = ""
    """What was done to the model, in words."""
    remarks: list[str] = []
    """What was done beside the recipe's words, and what disturbed: there is nothing to do about it."""

    def __post_init__(self) -> None:
        if not any(artifact.path == "model.tflite" for artifact in self.artifacts):
            raise ValueError("it names no model.tflite")


class StepEntry(Struct, frozen=True):
    """What decided a step's result."""

    name: str
    key: str
    ingredients: dict[str, Any]


class Subject(Struct, frozen=True):
    """An output, as in-toto names it."""

    name: str
    digest: dict[str, str]


class Manifest(Struct, frozen=True, rename={"type_": "_type", "predicate_type": "predicateType"}):
    """`manifest.json`: every input, setting, version and output of a build with its SHA-256.

    It is an in-toto statement too, whose predicate is the provenance as SLSA wants it; what else stands here, readers
    of statements pass over.

    Source: in-toto Attestation Framework, "Statement v1"; SLSA 1.0, "Provenance".
    """

    schema: Literal["edgekit.manifest/1"]
    verdict: VerdictWord
    inputs: tuple[Artifact, Artifact]
    """The model and the dataset; paths relative to the project where they lie inside."""
    target: TargetEntry
    settings: dict[str, Any]
    """The resolved profile."""
    versions: dict[str, str]
    """Python and the libraries that took part."""
    steps: list[StepEntry]
    outputs: list[Artifact]
    """Every file of the build but this one; paths relative to it."""
    confinement: str = ""
    """What held back the processes that read the model, such as "Landlock 7, seccomp"."""
    project: dict[str, Any] = {}
    """What the project says of the model beside its files: preprocessing, metric, labels."""
    subject: list[Subject] = []
    """The outputs once more."""
    predicate: dict[str, Any] = {}
    type_: Literal["https://in-toto.io/Statement/v1"] = "https://in-toto.io/Statement/v1"
    predicate_type: Literal["https://slsa.dev/provenance/v1"] = "https://slsa.dev/provenance/v1"

    def __post_init__(self) -> None:
        paths = [output.path for output in self.outputs]
        if outside := [path for path in paths if not is_inside(path)]:
            raise ValueError(f"{outside[0]!r} is no path in its folder")
        if doubled := [path for path in paths if paths.count(path) > 1]:
            raise ValueError(f"{doubled[0]!r} is there twice")


def is_inside(path: str) -> bool:
    """Whether a path, with `/`, stays in the folder that it is relative to, on every system."""
    parts = path.split("/")
    return path.isprintable() and not {"", ".", ".."} & {*parts} and not {*"\\:"} & {*path}


class Figure(Struct, frozen=True):
    """A measurement that was recorded."""

    name: str
    value: float
    unit: str
    low: float | None
    high: float | None
    runtime: str


class HistoryEntry(Struct, frozen=True):
    """A build that was recorded."""

    time: float
    """Seconds since 1970."""
    target: str
    model: str
    verdict: str
    sha256: str
    """Of `model.tflite`."""
    overrides: str
    machine: str
    figures: dict[str, Figure]
    commit: str = ""
    """Its SHA, with a `+` behind it where files were not as committed."""
