"""What a firmware engineer gets of a model: the sources of `c/`, and pages that say how to add them to a project."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from edgekit.data.preprocessing import Preprocessing
from edgekit.emit.arena import arena_with_margin
from edgekit.emit.c_array import CArray, array_files
from edgekit.emit.ends import End, ends
from edgekit.emit.golden import golden_files
from edgekit.emit.identifier import c_identifier
from edgekit.emit.literals import c_string
from edgekit.emit.render import render
from edgekit.emit.sensor import Sensor, feeds, sensor_files
from edgekit.emit.settings import Outputs
from edgekit.engine.libraries import READING, TOOLS
from edgekit.engine.stage import Work, stage
from edgekit.flatbuffer.detection import detects, without_detection
from edgekit.flatbuffer.read import Graph, read_graph
from edgekit.types import Arena, Artifact, TensorSpec

Engine = Literal["standalone", "tflm"]
"""What runs a model on the device: `NAME.c` (see `edgekit.ccode`), or `NAME_tflm.cpp` with TFLM."""
Ends = tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]
"""Inputs and outputs."""
PROJECTS = ("cmake", "arduino", "esp_idf", "zephyr")
"""Kinds of projects that there is a page for."""
_RESOURCES = {"VAR_HANDLE", "ASSIGN_VARIABLE", "READ_VARIABLE", "CALL_ONCE"}
"""Operators for which an interpreter needs variables beside its arena."""


class Kit(Struct, frozen=True):
    """What is known of a model beside its bytes."""

    array: CArray
    """How its array is declared, and its name."""
    engines: tuple[Engine, ...] = ("tflm",)
    """For which the sources are."""
    arena: Arena | None = None
    """Of TFLM on this host; None where it was not measured."""
    labels: tuple[str, ...] = ()
    """Of the classes."""
    ends: Ends | None = None
    """What standalone C takes and gives: where a model's own are floats, the stored values that stand for them."""
    golden: str | None = None
    """Archive of golden vectors, which are used where they are of TFLM."""
    cmsis_nn: bool = False
    """Whether standalone C calls CMSIS-NN."""
    sensor: Sensor | None = None
    """What a front-end makes samples of;"""
    preprocessing: Preprocessing | None = None
    """or what is done to those of no front-end. None leaves either out."""


@stage("emit", process=TOOLS, libraries=(*READING, "jinja2", "numpy"))
def emit_file(
    work: Work,
    model: Artifact,
    name: str,
    outputs: Outputs,
    arena: Arena | None,
    labels: tuple[str, ...],
    ends: Ends | None,
    golden: Artifact | None,
    sensor: Sensor | None = None,
    preprocessing: Preprocessing | None = None,
) -> None:
    """Writes what a target asks for to `folder`; see `files`."""
    array = CArray(outputs.c_name or name, outputs.c_section or "", outputs.c_attribute or "")
    asked: dict[Engine, bool] = {"standalone": outputs.c_standalone, "tflm": outputs.c_array}
    engines = tuple(engine for engine, wanted in asked.items() if wanted)
    cmsis_nn = outputs.c_kernels == "cmsis-nn"
    kit = Kit(array, engines, arena, labels, ends, golden.path if golden else None, cmsis_nn, sensor, preprocessing)
    for file, text in files(Path(model.path), kit).items():
        (work.folder / file).write_text(text, encoding="ascii")


def files(model: Path, kit: Kit) -> dict[str, str]:
    """All sources and pages but those of standalone C itself; the same for the same model and facts.

    Returns:
      File name → text.

      For TFLM: those of `array_files`, and `NAME_tflm.h` and `NAME_tflm.cpp` where TFLM can run the model.
      For all: `NAME_config.h` with what is known of the model; `NAME_quantize.h`; `NAME_golden.h`, `NAME_golden.c`,
      `NAME_selftest.h` and `NAME_selftest.c` where there are golden vectors; those of `sensor_files` where samples come
      from a sensor; a page for each of `PROJECTS`.

    Raises:
      ProjectError: the sensor's samples do not fit the front-end.
      ModelError: the file is no model.
      RecipeError: a setting could not stand in C.
    """
    graph, name = read_graph(model), c_identifier(kit.array.name)
    inputs, outputs = ends(*(kit.ends or (graph.inputs, graph.outputs)))
    made = array_files(graph, model.read_bytes(), kit.array) if "tflm" in kit.engines else {}
    lacks = _lacks(graph, kit, f"{name}_resolver.h" in made, [*inputs, *outputs])
    engines: list[Engine] = [engine for engine in kit.engines if engine != "tflm" or not lacks]
    of = graph.sha256
    if kit.ends and detects(graph):  # its C ends before its last operator, and so do the vectors
        of = hashlib.sha256(without_detection(graph.content)).hexdigest()
    archive = Path(kit.golden) if kit.golden else None
    starts = bool(kit.sensor or kit.preprocessing) and feeds(inputs)
    golden, recorded = golden_files(name, archive, of, inputs, outputs, starts)
    facts: dict[str, Any] = {
        "name": name,
        "macro": name.upper(),
        "sha256": graph.sha256,
        "inputs": inputs,
        "outputs": outputs,
        "several": len(inputs) > 1 or len(outputs) > 1,
        "stateful": stateful(graph),
        "tflm": "tflm" in kit.engines,
        "lacks": lacks,
        "engines": engines,
        "arena": kit.arena,
        "arena_bytes": arena_with_margin(graph, kit.arena.bytes) if kit.arena else None,
        "labels": [c_string(label) for label in kit.labels],
        "golden": bool(golden),
        "cmsis_nn": kit.cmsis_nn,
        "golden_raw": recorded.vectors if recorded else 0,
    }
    sensed: dict[str, str] = {}
    if kit.sensor:
        sensed = sensor_files(kit.sensor.frontend, kit.sensor.raw, kit.sensor.preprocessing, inputs, facts)
    elif kit.preprocessing and recorded:
        sensed = sensor_files(None, recorded.raw, kit.preprocessing, inputs, facts)
    facts |= {"features": f"{name}_features.h" in sensed, "sensor": f"{name}_sensor.h" in sensed}
    made |= sensed
    made |= {f"{name}_{file}": render(f"{file}.jinja", facts) for file in ("config.h", "quantize.h")} | golden
    if "tflm" in engines:
        made |= {f"{name}_{file}": render(f"{file}.jinja", facts) for file in ("tflm.h", "tflm.cpp")}
    if golden and engines:
        made |= {f"{name}_{file}": render(f"{file}.jinja", facts) for file in ("selftest.h", "selftest.c")}
    if engines:
        made |= {f"{name}_{page}.md": render(f"{page}.md.jinja", facts) for page in PROJECTS}
    return made


def stateful(graph: Graph) -> bool:
    """Whether a run knows of those before it: an operator reads a tensor that lasts."""
    return any(graph.tensors[i].variable for operator in graph.operators for i in operator.inputs if i >= 0)


def _lacks(graph: Graph, kit: Kit, registered: bool, tensors: list[End]) -> str:
    """Why TFLM cannot run the model here, or ""."""
    if not registered:
        return "TFLM lacks an operator of the model"
    if not kit.arena:
        return "the arena was not measured: TFLM did not run the model"
    if not all(end.c_type for end in tensors):
        return "an input or output is of a type that C lacks"
    if [end.dtype for end in tensors] != [spec.dtype for spec in (*graph.inputs, *graph.outputs)]:
        return "the model takes or gives floats, and standalone C, which this folder is for, the stored values"
    if any(operator.name in _RESOURCES for operator in graph.operators):
        return "the model keeps resource variables, for which an interpreter has to be set up by hand"
    return ""
