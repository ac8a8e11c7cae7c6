"""Which operators a release of a runtime has, up to which version: known without running it.

What LiteRT and `tflite-runtime` have is in support.json, which `benchmarks/runtime_support.py` writes by asking every
release. What has no releases, and takes no notice of versions, states its operators itself: see `Runtime.operators`.
"""

from __future__ import annotations

import functools
from pathlib import Path

import msgspec

from edgekit.engine.libraries import READING, TOOLS
from edgekit.engine.stage import Work, stage
from edgekit.errors import ModelError, TargetError
from edgekit.flatbuffer.read import Graph, read_graph
from edgekit.runtimes import RUNTIMES, engine
from edgekit.types import Artifact

Kernels = dict[str, int]
"""By operator, or code of a custom one, the newest version that a runtime has."""
ANY = 2**31 - 1
_WEIGHTED = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"}


class Lack(msgspec.Struct, frozen=True):
    """An operator of a model that a runtime cannot execute."""

    operator: str
    version: int
    newest: int
    """The newest version that the runtime has; 0 where it has none."""
    outputs: tuple[str, ...]
    """The tensors that the model's operators of this kind make, by which their layers can be told."""

    def __str__(self) -> str:
        return f"{self.operator} v{self.version} (it has v{self.newest})" if self.newest else self.operator


def lacking(graph: Graph, kernels: Kernels) -> list[Lack]:
    """The operators of a model that a runtime does not have, or not in that version; in alphabetical order."""
    found: dict[tuple[str, int], list[str]] = {}
    for op in graph.operators:
        made = graph.tensors[op.outputs[0]].name if op.outputs else ""
        if (1 if op.custom else op.version) > kernels.get(op.name, 0):
            found.setdefault((op.name, op.version), []).append(made)
    return [
        Lack(name, version, kernels.get(name, 0), tuple(outputs)) for (name, version), outputs in sorted(found.items())
    ]


def supported(runtime: str) -> tuple[str, Kernels]:
    """The full name of a runtime, and what it has.

    Args:
      runtime: `tflm`, or `litert` or `tflite-runtime`, the newest known release of it or one that is named:
        `tflite-runtime 2.7`.

    Raises:
      TargetError: there is no such runtime, or nothing is known of that release.
    """
    name, _, wanted = runtime.partition(" ")
    if runtime in _unversioned():
        return runtime, dict.fromkeys(sorted(engine(runtime).operators or ()), ANY)
    of_it = _table().get(name)
    if of_it is None:
        raise TargetError(f'there is no runtime "{name}"; known are {", ".join(listed())}')
    number = next((n for n in reversed(of_it) if f"{n}.".startswith(f"{wanted}." if wanted else "")), None)
    if number is None:
        raise TargetError(f'nothing is known of "{runtime}"; known of {name} are {", ".join(of_it)}')
    return f"{name} {number}", of_it[number]


def listed() -> list[str]:
    """The runtimes of which it is known what they have; of any other only a run can tell."""
    return [*_table(), *_unversioned()]


def releases() -> list[str]:
    """Every runtime and release that a model can be held against, the oldest first."""
    return [*(f"{name} {number}" for name, of in _table().items() for number in of), *_unversioned()]


def hybrid(graph: Graph) -> list[str]:
    """The tensors that operators make of float values and integer weights, which runtimes without
    hybrid kernels refuse.

    Source: of TFLM the checks of types ("Hybrid models are not supported") in tensorflow/lite/micro/kernels/: conv.cc,
    depthwise_conv.cc, fully_connected.cc, transpose_conv.cc.
    """
    found = []
    for op in graph.operators:
        kinds = [graph.tensors[index].dtype for index in op.inputs if index >= 0]
        if op.name in _WEIGHTED and "float32" in kinds and {"int8", "int4", "uint8"} & set(kinds):
            found.append(graph.tensors[op.outputs[0]].name.split(";")[0])
    return found


@stage("check operators", process=TOOLS, libraries=READING)
def check_support(work: Work, model: Artifact, runtimes: dict[str, Kernels], not_hybrid: tuple[str, ...] = ()) -> str:
    """Refuses a model with operators that a runtime does not have; without running it, or having it installed.

    Args:
      model: a `.tflite` file.
      runtimes: what each has, by its name.
      not_hybrid: those that have no kernels for float values with integer weights.

    Returns:
      "", as there is nothing to say.

    Raises:
      ModelError: names the operators, the tensor that the first one makes, and what would run it.
    """
    graph = read_graph(Path(model.path))
    if not_hybrid and (layers := hybrid(graph)):
        raise ModelError(
            f"{not_hybrid[0]} has no hybrid kernels (float values, integer weights), as in {layers[0]!r}; give the "
            'float model and let recipe.quantize.scheme = "int8" quantize it, or write runtimes.ship = "litert"'
        )
    for name, kernels in runtimes.items():
        if lacks := lacking(graph, kernels):
            others = [other for other in listed() if not lacking(graph, supported(other)[1])]
            raise ModelError(
                f"{name} has no kernel for {', '.join(map(str, lacks))}, as in {lacks[0].outputs[0].split(';')[0]!r}; "
                + (f"{', '.join(others)} would run it" if others else "replace it in the model")
            )
    return ""


def _unversioned() -> list[str]:
    """The runtimes without releases."""
    return [name for name in RUNTIMES if engine(name).operators is not None]


@functools.cache
def _table() -> dict[str, dict[str, Kernels]]:
    place = Path(__file__).with_name("support.json")
    return msgspec.json.decode(place.read_bytes(), type=dict[str, dict[str, Kernels]])
