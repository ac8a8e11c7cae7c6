"""What passes between the stages of a build."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgspec import Struct

from edgekit.data.spec import DataSpec
from edgekit.engine.make import StageResult
from edgekit.flatbuffer.anatomy import Anatomy
from edgekit.frontend.base import Raw
from edgekit.npu.vela import NpuModel
from edgekit.profile.project import ModelSpec
from edgekit.profile.target import Target
from edgekit.quantize.settings import Quantize
from edgekit.report.types import Report
from edgekit.types import Agreement, Artifact, Attempt, Machine, Measurement, ModelFacts, Reading


class LoadedModel(Struct, frozen=True):
    """A model and its dataset, read and found to fit each other."""

    source: Artifact
    """The model's file."""
    dataset: Artifact
    reading: Reading
    """What the user says of the model's file."""
    model: StageResult[ModelFacts]
    data: DataSpec
    samples: int
    """To train and calibrate with."""
    labels: tuple[str, ...]
    """Of the classes, where the project or the dataset's folders name them."""
    notes: tuple[str, ...]
    """What a reader has to know before the figures."""
    raw: Raw | None = None
    """What the sensor gives for a sample, where a front-end makes the samples of it: those are the array `raw_test` of
    `data`."""

    @property
    def facts(self) -> ModelFacts:
        """What the model is."""
        return self.model.value

    @property
    def told(self) -> str:
        """What was loaded, in words."""
        return f"loaded {Path(self.source.path).name}, {self.facts.parameters:,} parameters"


class CompressedModel(Struct, frozen=True):
    """A model after the techniques of its recipe."""

    keras: Artifact | None
    """As a `tf_keras` model; None where it is a graph."""
    graphs: dict[str, Artifact]
    """`float`, the model as it was given, and that after each technique, by its name; as float `.tflite`."""
    integer: Artifact | None
    """As a full-integer `.tflite`, where it was trained so."""
    notes: tuple[str, ...]

    @property
    def graph(self) -> Artifact:
        """The last of the graphs."""
        return list(self.graphs.values())[-1]


class QuantizedModel(Struct, frozen=True):
    """A model whose numbers are what ships."""

    model: Artifact
    settings: Quantize | None
    """With which it was quantized; None where it was not, or was trained so."""
    attempts: tuple[Attempt, ...] = ()
    """What the rescue tried."""
    notes: tuple[str, ...] = ()


class ShrunkModel(Struct, frozen=True):
    """A model in fewer bytes."""

    model: Artifact
    portable: Artifact
    """The same without lookup tables, which TFLM alone executes."""
    names: dict[str, Artifact]
    """Of the inner tensors of both, where they lack them; by the SHA-256 of the file."""
    notes: list[str]
    """Why something was left as it is."""


class Product(Struct, frozen=True):
    """What the stages made of a model for a target."""

    spec: ModelSpec
    target: Target
    loaded: LoadedModel
    graphs: dict[str, Artifact]
    """`float`, the model as it was given, and that after each technique, by its name; as float `.tflite`."""
    quantized: QuantizedModel
    """What was shrunk to what ships; the same file where nothing was gained."""
    small: ShrunkModel
    original: StageResult[list[Measurement]] | None
    """What the model answers as it was given, where that is no `.tflite`."""
    notes: list[str]
    """What a reader has to know before the figures."""
    made: list[StageResult[Any]]
    """The stages, in the order of the flow."""
    proofs: list[StageResult[Any]]
    """That what ships answers as before it was shrunk."""

    @property
    def scope(self) -> str:
        """Where the store remembers this build's stages."""
        return f"{self.target.name}.{self.spec.name}"

    @property
    def data(self) -> DataSpec:
        """The dataset."""
        return self.loaded.data

    @property
    def facts(self) -> ModelFacts:
        """What the model was."""
        return self.loaded.facts

    @property
    def shipped(self) -> Artifact:
        """What ships."""
        return self.small.model

    @property
    def portable(self) -> Artifact:
        """The same without lookup tables, which TFLM alone executes."""
        return self.small.portable

    def names_of(self, model: Artifact) -> Artifact | None:
        """The names of a file's tensors, where it lacks them."""
        return self.small.names.get(model.sha256)


class Measurements(Struct, frozen=True):
    """All that was measured of a product."""

    measurements: list[Measurement]
    shipped: str
    """The runtime that stands for the device."""
    notes: list[str]
    """What a reader has to know before the figures."""
    machine: Machine
    distributions: list[tuple[str, str, list[list[int]]]]
    """Of each model and runtime, of each process, quantiles of its single runs."""
    predictions: tuple[Artifact, Artifact | None] | None
    """Of what ships, where it ships, and of the float model, where there is one."""
    conformance: list[Agreement]
    """Of each other runtime with the one that ships."""
    golden: Artifact | None
    """Inputs with the outputs of the runtime that ships."""

    def value(self, name: str, artifact: str = "model") -> float | None:
        """The value of a measurement, see `measurement`."""
        found = self.measurement(name, artifact)
        return found.value if found else None

    def measurement(self, name: str, artifact: str = "model") -> Measurement | None:
        """Of a file: of the shipped one in the shipping runtime, of the others in any."""
        for m in self.measurements:
            runs_there = artifact != "model" or m.engine in ("", self.shipped)
            if m.name == name and m.artifact == artifact and runs_there:
                return m
        return None


class Handover(Struct, frozen=True):
    """What is there beside the model, and what was measured of it."""

    files: dict[str, Artifact]
    """By their path in the output folder."""
    measurements: list[Measurement]
    notes: list[str]
    npu: NpuModel | None


class BuildResult(Struct, frozen=True):
    """A finished build, ready to be written."""

    product: Product
    found: Measurements
    report: Report
    parts: Anatomy
    """What ships, taken apart."""
    files: dict[str, Artifact]
    """What ships, by its path in the output folder."""
    made: list[StageResult[Any]]
    """Every stage, measuring ones included."""
