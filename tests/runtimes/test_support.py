import numpy as np
import pytest
import support_probe
from make_graph import Graph as Hand

from edgekit.engine import worker
from edgekit.errors import CrashError, ModelError, TargetError
from edgekit.flatbuffer.read import Graph, Operator, Tensor
from edgekit.runtimes import installed
from edgekit.runtimes.support import ANY, check_support, lacking, releases, supported
from edgekit.types import Arena


def graph(*operators):
    tensor = Tensor(0, "model/block/add;more", (1,), (), "int8", (), (), 0, 0)
    ops = tuple(Operator(name, version, custom, (), (0,), 0) for name, version, custom in operators)
    return Graph("", 3, (), (), (tensor,), ops, 1, (), 0, "", 0, 0)


def test_an_operator_may_be_as_new_as_the_runtime_has_it():
    kernels = {"ADD": 2, "Mfcc": 1}
    assert lacking(graph(("ADD", 2, False), ("Mfcc", 7, True)), kernels) == []
    [lack] = lacking(graph(("ADD", 3, False), ("ADD", 1, False), ("ADD", 3, False)), kernels)
    assert str(lack) == "ADD v3 (it has v2)" and len(lack.outputs) == 2
    [lack] = lacking(graph(("MUL", 1, False)), kernels)
    assert str(lack) == "MUL"


@pytest.mark.parametrize(
    ("runtime", "name"),
    [
        ("tflite-runtime", "tflite-runtime 2.14.0"),
        ("tflite-runtime 2.7", "tflite-runtime 2.7.0"),
        ("litert 1.2.0", "litert 1.2.0"),
        ("tflm", "tflm"),
    ],
)
def test_a_release_is_found_by_the_start_of_its_number(runtime, name):
    assert supported(runtime)[0] == name


@pytest.mark.parametrize("runtime", ["tflite-runtime 2.1", "litert 99", "tensorrt"])
def test_what_nobody_asked_is_not_known(runtime):
    with pytest.raises(TargetError, match="known"):
        supported(runtime)


def test_newer_releases_have_more():
    old, new = supported("tflite-runtime 2.7")[1], supported("litert 2.3")[1]
    assert all(new.get(name, 0) >= version for name, version in old.items())
    assert "GELU" not in old and new["GELU"] >= 3
    assert "TFLite_Detection_PostProcess" in old and "ethos-u" not in new
    assert supported("tflm")[1]["CONV_2D"] == ANY and "tflm" in releases()


@pytest.mark.parametrize("runtime", ["litert", "tflite-runtime"])
def test_the_table_is_what_the_installed_runtime_says(runtime, tmp_path):
    if not installed(runtime):
        pytest.skip(f"{runtime} is not installed")
    kernels, path = supported(f"{runtime} {installed(runtime)}")[1], str(tmp_path / "m.tflite")
    for name in ("GELU", "BATCH_MATMUL", "DILATE"):
        for version in {1, kernels.get(name, 0), kernels.get(name, 0) + 1} - {0}:
            try:
                opens = worker.call("support_probe:opens", runtime, path, name, version, returns=bool)
            except CrashError:  # by a kernel that is there, and does not survive an operator without inputs
                opens = True
            assert opens == (version <= kernels.get(name, 0)), (name, version)


def test_a_model_that_the_device_cannot_run_is_refused(tmp_path):
    path = str(tmp_path / "m.tflite")
    support_probe.write(path, "GELU", 2)
    runtimes = dict(map(supported, ("litert", "tflite-runtime 2.8")))
    with pytest.raises(ModelError) as refused:
        check_support.run("", path, runtimes)
    assert str(refused.value) == (
        "tflite-runtime 2.8.0 has no kernel for GELU v2 (it has v1), as in 'model/block/add'; "
        "litert, tflite-runtime would run it"
    )
    assert check_support.run("", path, dict(map(supported, ("litert", "tflite-runtime 2.9")))) == ""


def test_operators_of_floats_with_integer_weights_are_refused_as_tflm_itself_does(tmp_path):
    g = Hand()
    x = g.tensor([1, 4], 0, 0, "FLOAT32")
    g.graph.inputs = [x]
    inputs = [x, g.constant(np.ones((2, 4), np.int8), 0.1)]
    out = g.operator("FULLY_CONNECTED", inputs, [g.tensor([1, 2], 0, 0, "FLOAT32")], "FullyConnectedOptions")
    path = tmp_path / "hybrid.tflite"
    path.write_bytes(g.finish(out))
    with pytest.raises(ModelError, match=r"no hybrid kernels .*as in 't2'; .*scheme = \"int8\""):
        check_support.run("", str(path), dict([supported("tflm"), supported("litert")]), ("tflm",))
    assert check_support.run("", str(path), dict([supported("litert")])) == ""
    with pytest.raises(ModelError, match="FLOAT32 with filter type: INT8 not supported"):
        worker.call("edgekit.runtimes.tflm:arena", str(path), returns=Arena)
