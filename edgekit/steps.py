"""The steps of a build as calls: which function, on what, in which process, and what else its result depends on."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from edgekit.analyze.curves import Measured, Proposal, Sweep
from edgekit.analyze.findings import Explanation
from edgekit.ccode.generate import Code
from edgekit.ccode.piece import Kernels
from edgekit.compress.channels import Narrowed
from edgekit.compress.cluster import Clustered
from edgekit.compress.distil import Distilled
from edgekit.compress.prune import Pruned
from edgekit.compress.settings import Distil
from edgekit.data.locate import locate
from edgekit.data.spec import DataFacts, DataSpec
from edgekit.emit.settings import Outputs
from edgekit.engine.make import EIGEN, OWN, Made, Step
from edgekit.errors import DataError
from edgekit.files import sha256
from edgekit.firmware.run import missing, versions
from edgekit.flatbuffer.anatomy import Anatomy
from edgekit.measure.accuracy import PREDICTIONS
from edgekit.measure.metrics import functions
from edgekit.measure.race import Comparison, Entry, Question, Timed
from edgekit.measure.record import OUTPUTS
from edgekit.measure.samples import Differences
from edgekit.npu.settings import PACKAGE
from edgekit.npu.vela import Compiled
from edgekit.profile.project import is_function
from edgekit.profile.recipe import Recipe, Technique
from edgekit.quantize.qat import Trained
from edgekit.quantize.settings import Quantize
from edgekit.report.html import Extras
from edgekit.report.types import Report
from edgekit.runtimes import ENGINES, REFERENCE, RUNTIMES
from edgekit.runtimes.settings import Runtimes
from edgekit.runtimes.support import supported
from edgekit.shrink.settings import Shrink
from edgekit.types import Agreement, Arena, Artifact, Machine, Measurement, ModelFacts, Parting, Reading, Slim, Timing

TENSORFLOW = "tensorflow"
"""The process that imports TensorFlow. It lives as long as there is something to compress."""
TOOLS = "tools"
"""The process for what needs neither TensorFlow nor a runtime."""
KERAS = ("tensorflow", "keras", "tf-keras")
TRAINING = (*KERAS, "tensorflow-model-optimization", "numpy")
REHEARSED = 64
"""Calibration samples at most, where nothing but the operators is looked at."""
FACTS = {"channels": Narrowed, "prune": Pruned, "cluster": Clustered, "distil": Distilled, "qat": Trained}
"""What each technique says of its result."""
READING = ("ai-edge-litert", "flatbuffers")
"""Whose schema and accessors read `.tflite` files."""
QUANTIZING = ("tensorflow", "numpy", *READING)


def load(model: Artifact, settings: Reading) -> Step:
    """Reads the model into a form that stages take."""
    arguments = {"model": model, "settings": settings}
    process = OWN if is_function(model.path) else TENSORFLOW
    return Step("load", "edgekit.model.read:load_file", arguments, (*KERAS, *READING), process, ModelFacts)


def check_data(data: DataSpec) -> Step:
    """Reads the dataset whole and holds it against the model."""
    process = OWN if is_function(data.source) else TENSORFLOW
    return Step("data", "edgekit.data.check:check_data", {"data": data}, ("numpy", "pillow"), process, DataFacts)


def teach(teacher: Artifact, data: DataSpec, custom_objects: str) -> Step:
    """A teacher's answers to the training samples, for all that learn from them."""
    arguments = {"teacher": teacher, "data": data, "custom_objects": custom_objects}
    return Step("teach", "edgekit.compress.lesson:teach", arguments, (*KERAS, "numpy"), TENSORFLOW)


class Teaching(Struct, frozen=True):
    """Who teaches, and how."""

    teacher: Artifact
    answers: Artifact
    """What `teach` wrote."""
    student: Artifact | None
    """Builder of the student, where the recipe names one."""
    settings: Distil


def compress(
    technique: Technique, model: Artifact, data: DataSpec, recipe: Recipe, custom_objects: str, lesson: Teaching | None
) -> Step:
    """A technique that changes a model and trains it on; one that the recipe lets learn from the teacher does so."""
    arguments = {
        "model": model,
        "data": data,
        "settings": getattr(recipe, technique),
        "seed": recipe.seed,
        "custom_objects": custom_objects,
        "answers": None,
    }
    if technique == "distil":
        assert lesson
        arguments |= {"teacher": lesson.teacher, "answers": lesson.answers, "student": lesson.student}
    elif technique == "qat":
        arguments |= {"quantize": recipe.quantize}
    if technique != "distil" and lesson and technique in lesson.settings.during:
        arguments |= {"answers": lesson.answers, "distil": lesson.settings}
    room = "quantize" if technique == "qat" else "compress"
    function = f"edgekit.{room}.{technique}:{technique}_file"
    return Step(technique, function, arguments, TRAINING, TENSORFLOW, FACTS[technique], retry=EIGEN)


def rehearse(model: Artifact, data: DataSpec, recipe: Recipe, custom_objects: str, lesson: Teaching | None) -> Step:
    """Whether the model allows the recipe, found without training."""
    untrained = {
        technique: replace(getattr(recipe, technique), epochs=0, batch_size=1, learning_rate=1.0, patience=0)
        for technique in recipe.techniques
    }
    quantize = recipe.quantize
    if quantize and quantize.plain:  # what else it says changes no operator
        samples = min(quantize.calibration_samples, REHEARSED)
        quantize = Quantize(calibration_samples=samples, allow_float_ops=quantize.allow_float_ops)
    arguments = {
        "model": model,
        "teacher": lesson.teacher if lesson else None,
        "student": lesson.student if lesson else None,
        "data": data,
        "recipe": replace(recipe, quantize=quantize, shrink=None, input_shape="", **untrained),
        "custom_objects": custom_objects,
    }
    function = "edgekit.quantize.rehearse:rehearse_file"
    return Step("rehearse", function, arguments, (*TRAINING, *READING), TENSORFLOW, files=False, retry=EIGEN)


def convert(name: str, model: Artifact, custom_objects: str) -> Step:
    """Keras to float `.tflite`."""
    arguments = {"model": model, "custom_objects": custom_objects}
    return Step(name, "edgekit.quantize.convert:convert_file", arguments, (*KERAS, *READING), TENSORFLOW, str)


def quantize(model: Artifact, data: DataSpec, settings: Quantize) -> Step:
    """Float `.tflite` to full-integer `.tflite`."""
    arguments = {"model": model, "data": data, "settings": settings}
    return Step("quantize", "edgekit.quantize.int8:quantize_file", arguments, QUANTIZING, TENSORFLOW, str)


def calibrate(model: Artifact, data: DataSpec, settings: Quantize) -> Step:
    """The range of each tensor, in a copy of the float `.tflite`."""
    arguments = {"model": model, "data": data, "settings": settings}
    return Step("calibrate", "edgekit.quantize.int8:calibrate_file", arguments, QUANTIZING, TENSORFLOW)


def check_calibration(model: Artifact, data: DataSpec, settings: Quantize) -> Step:
    """Whether the calibration set is apart from the evaluation set, and its two halves find the same ranges."""
    arguments = {"model": model, "data": data, "settings": settings}
    function = "edgekit.quantize.stability:check_calibration"
    return Step("check calibration", function, arguments, QUANTIZING, TENSORFLOW, str, False)


def quantize_with_scheme(model: Artifact, settings: Quantize) -> Step:
    """Float `.tflite`, calibrated where activations become integers, to any other scheme than plain int8."""
    arguments = {"model": model, "settings": settings}
    libraries = ("ai-edge-quantizer", *READING)
    return Step("quantize", "edgekit.quantize.schemes:quantize_with_scheme", arguments, libraries, "quantizer", str)


def shrink(model: Artifact, settings: Shrink) -> Step:
    """A smaller file, not proven yet, with the names that it lacks."""
    arguments = {"model": model, "settings": settings}
    return Step("shrink", "edgekit.shrink.file:shrink_file", arguments, (*READING, "numpy"), TOOLS, Slim)


def carry(model: Artifact, source: Artifact) -> Step:
    """What was made of a `.tflite`, with the metadata and files that this carries."""
    arguments = {"model": model, "source": source}
    return Step("metadata", "edgekit.shrink.file:carry_file", arguments, (*READING, "numpy"), TOOLS, str)


def lookup_tables(model: Artifact, names: Artifact | None, arena: int | None) -> Step:
    """Weights as indices, for TFLM.

    Args:
      names: of the model's tensors, if it lacks them.
      arena: that the device has, in bytes.
    """
    arguments = {"model": model, "names": names, "arena": arena}
    libraries = ("tflite-micro", "numpy", *READING)
    return Step("lookup tables", "edgekit.shrink.file:lookup_file", arguments, libraries, "tflm")


def _process(runtime: str) -> str:
    """The worker for a runtime: one that is the same library with other kernels shares its process."""
    return "litert" if runtime == REFERENCE else runtime


def prove(before: Artifact, after: Artifact, runtime: str, data: DataSpec, samples: int) -> Step:
    """Whether two files answer bit for bit the same."""
    arguments = {"before": before, "after": after, "runtime": runtime, "data": data, "samples": samples}
    libraries = (ENGINES[runtime].package, "numpy")
    return Step(
        f"prove {runtime}", "edgekit.shrink.file:same_outputs", arguments, libraries, _process(runtime), str, False
    )


def sensitivity(model: Artifact, data: DataSpec, settings: Sweep, custom_objects: str) -> Step:
    """What each layer bears, one at a time."""
    arguments = {"model": model, "data": data, "settings": settings, "custom_objects": custom_objects}
    function = "edgekit.analyze.sensitivity:sensitivity_file"
    return Step("sensitivity", function, arguments, TRAINING, TENSORFLOW, Measured, False, retry=EIGEN)


def propose(
    model: Artifact, data: DataSpec, settings: Sweep, measured: Measured, limit: float, custom_objects: str
) -> Step:
    """A recipe from what the layers bear, confirmed by conversion.

    Args:
      limit: points that the error may rise by.
    """
    arguments = {
        "model": model,
        "data": data,
        "settings": settings,
        "measured": measured,
        "limit": limit,
        "custom_objects": custom_objects,
    }
    function = "edgekit.analyze.propose:propose_file"
    return Step("propose", function, arguments, (*TRAINING, *READING), TENSORFLOW, Proposal, retry=EIGEN)


def plot_sensitivity(measured: Measured) -> Step:
    """The figure of an analysis of sensitivity."""
    function = "edgekit.analyze.sensitivity_plot:plot_file"
    return Step("plot", function, {"measured": measured}, ("matplotlib", "numpy"), TOOLS)


def explain(reference: Artifact, model: Artifact, data: DataSpec, settings: Quantize, samples: int = 128) -> Step:
    """Every tensor of a quantized model against the float model's, on training samples."""
    arguments = {"reference": reference, "model": model, "data": data, "settings": settings, "samples": samples}
    function = "edgekit.analyze.explain:explain_file"
    return Step("explain", function, arguments, QUANTIZING, TENSORFLOW, Explanation, False)


def check_support(model: Artifact, runtimes: tuple[str, ...]) -> Step:
    """Whether the runtimes on the device have the operators of what ships, known without running it."""
    arguments = {"model": model, "runtimes": dict(map(supported, runtimes))}
    function = "edgekit.runtimes.support:check_support"
    return Step("check operators", function, arguments, READING, TOOLS, str, False)


def describe(name: str, model: Artifact) -> Step:
    """What a file costs before it runs."""
    return Step(name, "edgekit.measure.file:measure_file", {"model": model}, READING, TOOLS, list[Measurement], False)


def score(
    name: str,
    model: Artifact,
    data: DataSpec,
    runtime: str,
    threads: int,
    reference: Artifact | None,
    metric: str = "accuracy",
    keep: bool = False,
    most: int | None = None,
    real: bool = False,
) -> Step:
    """Runs the evaluation set; compares with its labels, and with the reference's outputs.

    Args:
      keep: all stored outputs, to hold runtimes against each other.
      most: samples that are enough.
      real: keep them in real values, to be a reference.
    """
    arguments = {
        "model": model,
        "data": data,
        "runtime": runtime,
        "threads": threads,
        "reference": reference,
        "metric": metric,
        "keep": keep,
        "most": most,
        "real": real,
    }
    libraries = (ENGINES[runtime].package, "numpy")
    function = "edgekit.measure.accuracy:score_file"
    return Step(name, function, arguments, libraries, _process(runtime), list[Measurement], place=_own(metric))


def original(
    keras: Artifact | None, source: Artifact, settings: Reading, data: DataSpec, metric: str = "accuracy"
) -> Step:
    """Runs the evaluation set in TensorFlow, as the model was given.

    Args:
      keras: the `tf_keras` model that was made of the source, or None where it is a graph.
    """
    arguments = {"keras": keras, "source": source, "settings": settings, "data": data, "metric": metric}
    function = "edgekit.measure.original:answer_file"
    libraries, name = (*KERAS, "numpy"), "score original"
    process = OWN if keras is None and is_function(source.path) else TENSORFLOW
    return Step(name, function, arguments, libraries, process, list[Measurement], retry=EIGEN, place=_own(metric))


def _own(metric: str) -> list[str] | None:
    """The hashes of the project's own metrics."""
    return [locate("data", own, sha256, DataError).sha256 for own in functions(metric)] or None


def agree(model: Artifact, shipped: Made, other: Made, runtime: str) -> Step:
    """Holds a runtime's outputs against those of the one that ships.

    Args:
      shipped, other: what `score` made with both.
      runtime: name and version of the other.
    """
    arguments = {
        "model": model,
        "outputs": shipped.artifacts[OUTPUTS],
        "predictions": shipped.artifacts[PREDICTIONS],
        "other_outputs": other.artifacts[OUTPUTS],
        "other_predictions": other.artifacts[PREDICTIONS],
        "runtime": runtime,
    }
    return Step("agree", "edgekit.measure.conformance:agree", arguments, ("numpy", *READING), TOOLS, Agreement, False)


def store_inputs(model: Artifact, data: DataSpec, rows: tuple[int, ...]) -> Step:
    """Some evaluation samples as the model stores them."""
    arguments = {"model": model, "data": data, "rows": rows}
    return Step("samples", "edgekit.measure.record:store_inputs", arguments, ("numpy", "pillow", *READING), TOOLS)


def record(model: Artifact, inputs: Artifact, runtime: str) -> Step:
    """What a runtime makes of some samples, tensor by tensor."""
    arguments = {"model": model, "inputs": inputs, "runtime": runtime}
    libraries = (ENGINES[runtime].package, "numpy", *READING)
    return Step(f"record {runtime}", "edgekit.measure.record:record", arguments, libraries, _process(runtime), bool)


def part(model: Artifact, names: Artifact | None, ours: Artifact, theirs: Artifact) -> Step:
    """Where two runtimes part."""
    arguments = {"model": model, "names": names, "ours": ours, "theirs": theirs}
    function = "edgekit.measure.conformance:part"
    return Step("part", function, arguments, ("numpy", *READING), TOOLS, list[Parting], False)


def wrong_operator(model: Artifact, data: DataSpec, runtime: str, other: str, least: float) -> Step:
    """The operator that one of two runtimes of one library computes wrongly."""
    arguments = {"model": model, "data": data, "runtime": runtime, "other": other, "least": least}
    libraries = (ENGINES[runtime].package, "numpy", *READING)
    function = "edgekit.measure.wrong_operator:wrong_operator"
    return Step("find operator", function, arguments, libraries, _process(runtime), list[Parting], False)


def golden(model: Artifact, data: DataSpec, runtime: str) -> Step:
    """Samples with the outputs of the runtime that ships, to check a device by."""
    arguments = {"model": model, "data": data, "runtime": runtime}
    libraries = (ENGINES[runtime].package, "numpy", *READING)
    return Step("golden", "edgekit.measure.golden:golden_file", arguments, libraries, runtime, str)


def changed(predictions: Artifact, before: Artifact, data: DataSpec, runtime: str) -> Step:
    """Accuracy against that of a release, on the same samples."""
    arguments = {"predictions": predictions, "before": before, "data": data, "runtime": runtime}
    function = "edgekit.measure.accuracy:changed_file"
    return Step("changed", function, arguments, ("numpy",), TOOLS, list[Measurement], False)


def clock(
    models: dict[str, Artifact],
    entries: list[Entry],
    comparisons: list[Comparison],
    questions: list[Question],
    runtimes: Runtimes,
    machine: Machine,
    settings: Timing = Timing(),  # noqa: B008 (frozen)
) -> Step:
    """Times models and runtimes against each other, until the limits are decided."""
    arguments = {
        "models": models,
        "entries": entries,
        "comparisons": comparisons,
        "questions": questions,
        "threads": runtimes.threads,
        "settings": settings,
        "patience": runtimes.patience / 1e9,
        "time_limit": runtimes.time_limit / 1e9,
    }
    libraries = (*sorted({RUNTIMES[entry.runtime].package for entry in entries}), "numpy", "psutil")
    return Step("time", "edgekit.measure.race:race_file", arguments, libraries, TOOLS, Timed, place=machine)


def arena(model: Artifact) -> Step:
    """The smallest arena with which TFLM runs a model."""
    function = "edgekit.measure.arena:arena"
    libraries = ("tflite-micro", "numpy", *READING)
    return Step("arena", function, {"model": model}, libraries, "tflm", list[Measurement], False)


def anatomy(model: Artifact, names: Artifact | None) -> Step:
    """What the bytes of the file are for, and its memory over time."""
    arguments = {"model": model, "names": names}
    return Step("anatomy", "edgekit.flatbuffer.anatomy:anatomy", arguments, READING, TOOLS, Anatomy, False)


def differences(predictions: Artifact, reference: Artifact, data: DataSpec) -> Step:
    """Samples that changed class."""
    arguments = {"predictions": predictions, "reference": reference, "data": data}
    function = "edgekit.measure.samples:differences"
    return Step("differences", function, arguments, ("numpy", "pillow"), TOOLS, Differences, False)


def render(report: Report, extras: Extras, places: dict[str, tuple[str, int]]) -> Step:
    """The report for people and for continuous integration.

    Args:
      places: of each limit the file and line where it stands.
    """
    arguments = {"report": report, "extras": extras, "places": places}
    return Step("render", "edgekit.report.render:render", arguments, ("jinja2",), TOOLS)


def bill(name: str, model: Artifact, inputs: dict[str, str], figures: dict[str, str], versions: dict[str, str]) -> Step:
    """The bill of materials."""
    arguments = {"name": name, "shipped": model.sha256, "inputs": inputs, "figures": figures, "versions": versions}
    return Step("bill", "edgekit.report.bom:bill", arguments, ("cyclonedx-python-lib",), TOOLS)


def firmware(
    model: Artifact, name: str, kernels: Kernels, names: Artifact | None, tables: bool, shipped: Artifact
) -> Step:
    """Standalone C of what ships.

    Args:
      model: what ships, or its twin without lookup tables.
      tables: whether weights become indexes into tables where that takes fewer bytes.
    """
    arguments = {"model": model, "name": name, "kernels": kernels, "names": names, "tables": tables}
    arguments["shipped"] = shipped.sha256
    function = "edgekit.ccode.generate:generate_file"
    return Step("standalone C", function, arguments, ("tflite-micro", "numpy", "jinja2", *READING), "tflm", Code)


def end(model: Artifact) -> Step:
    """A detector as standalone C ends it."""
    return Step("end", "edgekit.measure.firmware:end_file", {"model": model}, READING, TOOLS)


def simulate(code: Made, golden: Artifact, core: str, clock: float | None, library: dict[str, Artifact]) -> Step:
    """Standalone C on a simulated core.

    Args:
      code: what `firmware` made.
      clock: of the core, in Hz.
      library: the folders of CMSIS-NN, where it is called.
    """
    arguments = {"code": code.value, "files": code.artifacts, "golden": golden, "core": core, "clock": clock}
    arguments["library"] = library
    tools = {} if missing() else versions()
    function = "edgekit.measure.firmware:measure_firmware"
    return Step("simulate", function, arguments, ("numpy", "jinja2"), TOOLS, list[Measurement], False, place=tools)


def compile(model: Artifact, names: Artifact | None, npu: str, system: str, memory: str) -> Step:
    """What ships, for an NPU."""
    arguments = {"model": model, "names": names, "npu": npu, "system": system, "memory": memory}
    return Step("compile", "edgekit.npu.vela:compile_file", arguments, (PACKAGE, *READING), TOOLS, Compiled)


def emit(
    model: Artifact,
    name: str,
    outputs: Outputs,
    arena: Arena | None,
    labels: tuple[str, ...],
    code: Code | None,
    golden: Artifact | None,
) -> Step:
    """C sources of the model, and pages for those who add them to a project.

    Args:
      arena: of TFLM, if it was measured.
      code: the standalone C that is there, too.
      golden: golden vectors, which are used where they are of TFLM.
    """
    arguments = {
        "model": model,
        "name": name,
        "outputs": outputs,
        "arena": arena,
        "labels": labels,
        "ends": (code.inputs, code.outputs) if code else None,
        "golden": golden,
    }
    return Step("emit", "edgekit.emit.kit:emit_file", arguments, (*READING, "jinja2", "numpy"), TOOLS)
