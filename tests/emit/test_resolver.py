import importlib.util
import re
from pathlib import Path

import pytest

from edgekit.emit.resolver import registrations
from edgekit.errors import ModelError
from edgekit.flatbuffer.read import Graph, Operator, read_graph
from edgekit.runtimes.tflm_operators import BUILTIN, CUSTOM


def graph_of(*operators: Operator) -> Graph:
    return Graph("", 3, (), (), (), operators, 1, (), 0, "", 0, 0)


@pytest.fixture(scope="module")
def runtime() -> bytes:
    """The machine code of TFLM as the tflite-micro wheel brings it, with its symbols."""
    spec = importlib.util.find_spec("tflite_micro")
    if spec is None or spec.origin is None:
        pytest.skip("tflite-micro is not installed")
    return next(Path(spec.origin).parent.rglob("_runtime*.so")).read_bytes()


def test_the_table_is_what_the_runtime_has(runtime: bytes) -> None:
    """Itanium mangling puts `E` or `v` behind a function's name."""
    there = {name.decode() for name in re.findall(rb"\d\dRegister_([A-Z0-9_]+?)E?v\x00", runtime)}
    assert len(there) > 100
    assert set(BUILTIN) <= there
    of_custom = {re.sub("(?<=[a-z])(?=[A-Z])", "_", method[3:]).upper() for method in CUSTOM.values()}
    of_custom |= {"ETHOSU", "DETECTION_POSTPROCESS"}
    variants = {name for name in there if re.search("_(FLOAT|INT16|INT32|REF)$", name)}
    assert there - set(BUILTIN) - of_custom - variants == set()


def test_methods_are_named_as_their_operators() -> None:
    for name, method in BUILTIN.items():
        assert method[3:].upper() == name.replace("_", "")


def test_custom_codes_are_in_the_runtime(runtime: bytes) -> None:
    for code in set(CUSTOM) - {"ethos-u"}:  # the wheel has no driver for Ethos-U
        assert code.encode() + b"\0" in runtime


def test_registers_each_operator_once(shared: Path) -> None:
    graph = read_graph(shared / "models/tflite/audio_commands_int8.tflite")
    assert registrations(graph) == (
        "AddConv2D",
        "AddDepthwiseConv2D",
        "AddFullyConnected",
        "AddMaxPool2D",
        "AddReshape",
        "AddSoftmax",
    )


def test_names_every_operator_that_is_absent() -> None:
    names = [("CONV_2D", False), ("MyOp", True), ("BUILTIN_300", False)]
    with pytest.raises(ModelError, match="no kernel for BUILTIN_300, MyOp;"):
        registrations(graph_of(*(Operator(name, 1, custom, (), (), 0) for name, custom in names)))


def test_a_custom_operator_is_not_taken_for_a_builtin_of_that_name() -> None:
    with pytest.raises(ModelError, match="ADD"):
        registrations(graph_of(Operator("ADD", 1, True, (), (), 0)))


def test_npu_operators_are_registered() -> None:
    assert registrations(graph_of(Operator("ethos-u", 1, True, (), (), 0))) == ("AddEthosU",)
