"""The steps of a build as calls: which function, on what, in which process, and what else its result depends on."""

from __future__ import annotations

from edgekit.data.spec import DataFacts, DataSpec
from edgekit.make import EIGEN, Step
from edgekit.runtimes import RUNTIMES
from edgekit.target import Outputs, Prune, Quantize
from edgekit.types import Artifact, Machine, Measurement, ModelFacts, Pruned, Reading, Timing

TENSORFLOW = "tensorflow"
"""The process that imports TensorFlow. It lives as long as there is something to compress."""
TOOLS = "tools"
"""The process for what needs neither TensorFlow nor a runtime."""
KERAS = ("tensorflow", "keras", "tf-keras")
TRAINING = (*KERAS, "tensorflow-model-optimization", "numpy")
READING = ("ai-edge-litert", "flatbuffers")
"""Whose schema and accessors read `.tflite` files."""


def load(model: Artifact, settings: Reading) -> Step:
    """Reads the model into a form that stages take."""
    arguments = {"model": model, "settings": settings}
    return Step("load", "edgekit.model.read:load_file", arguments, (*KERAS, *READING), TENSORFLOW, ModelFacts)


def check_data(data: DataSpec) -> Step:
    """Reads the dataset whole and holds it against the model."""
    return Step("data", "edgekit.data.check:check_data", {"data": data}, ("numpy", "pillow"), TENSORFLOW, DataFacts)


def prune(model: Artifact, data: DataSpec, settings: Prune, seed: int, custom_objects: str) -> Step:
    """Sets the smallest weights to zero while the model trains on."""
    arguments = {
        "model": model,
        "data": data,
        "settings": settings,
        "seed": seed,
        "custom_objects": custom_objects,
    }
    return Step("prune", "edgekit.compress.prune:prune_file", arguments, TRAINING, TENSORFLOW, Pruned, retry=EIGEN)


def convert(name: str, model: Artifact, custom_objects: str) -> Step:
    """Keras to float `.tflite`."""
    arguments = {"model": model, "custom_objects": custom_objects}
    return Step(name, "edgekit.quantize.convert:convert_file", arguments, (*KERAS, *READING), TENSORFLOW, str)


def quantize(model: Artifact, data: DataSpec, settings: Quantize) -> Step:
    """Float `.tflite` to full-integer `.tflite`."""
    arguments = {"model": model, "data": data, "settings": settings}
    libraries = ("tensorflow", "numpy", *READING)
    return Step("quantize", "edgekit.quantize.int8:quantize_file", arguments, libraries, TENSORFLOW, str)


def describe(model: Artifact) -> Step:
    """What a file costs before it runs."""
    return Step(
        "describe", "edgekit.measure.file:measure_file", {"model": model}, READING, TOOLS, list[Measurement], False
    )


def score(name: str, model: Artifact, data: DataSpec, runtime: str, threads: int, reference: Artifact | None) -> Step:
    """Runs the evaluation set; compares with its labels, and with the reference's predictions."""
    arguments = {"model": model, "data": data, "runtime": runtime, "threads": threads, "reference": reference}
    libraries = (RUNTIMES[runtime].package, "numpy")
    return Step(name, "edgekit.measure.accuracy:score_file", arguments, libraries, runtime, list[Measurement])


def clock(name: str, model: Artifact, runtime: str, threads: int, machine: Machine) -> Step:
    """Times the model and measures its memory, in a process of its own."""
    arguments = {"model": model, "runtime": runtime, "threads": threads, "settings": Timing()}
    libraries = (RUNTIMES[runtime].package, "numpy", "psutil")
    function = "edgekit.measure.latency:latency"
    return Step(name, function, arguments, libraries, name, list[Measurement], False, place=machine)


def emit(model: Artifact, name: str, outputs: Outputs, arena: int | None) -> Step:
    """C sources of the model."""
    arguments = {"model": model, "name": name, "outputs": outputs, "arena": arena}
    return Step("emit", "edgekit.emit.c_array:emit_file", arguments, (*READING, "jinja2"), TOOLS)
