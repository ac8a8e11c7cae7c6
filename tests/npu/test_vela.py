"""Models compiled for Arm's Ethos-U by Vela itself."""

import hashlib

import pytest

from edgekit.errors import TargetError
from edgekit.flatbuffer.names import names as names_of
from edgekit.flatbuffer.read import read_graph
from edgekit.flatbuffer.strip import strip
from edgekit.npu.settings import checked, names
from edgekit.npu.vela import BOUNDS, COMPILED, compile_file, fallbacks, prepared, vela


def compiled(model, npu, folder):
    return compile_file.run(folder, model, None, *checked(npu, "", ""))


@pytest.mark.parametrize("npu", ["ethos-u55-128", "ethos-u65-256"])
def test_a_model_that_fits_runs_there_whole(shared, tmp_path, npu):
    found = compiled(shared / "models/tflite/wake_word_int8.tflite", npu, tmp_path)
    value = {m.name: m for m in found.measurements}
    assert value["npu_coverage"].value == 100 and found.fallbacks == []
    assert value["latency_p90"].source == "simulated" and value["latency_p90"].runtime.startswith("vela 5")
    assert value["npu_cycles"].value > 0 and value["arena"].value > 4096
    graph = read_graph(shared / "models/tflite/wake_word_int8.tflite")
    made = {graph.tensors[n].name.split(";")[0] for operator in graph.operators for n in operator.outputs}
    assert {layer.name for layer in found.layers} <= made and 8 <= len(found.layers) <= len(graph.operators)
    assert {layer.bound for layer in found.layers} <= set(BOUNDS.values())
    assert {layer.target for layer in found.layers} == {"NPU"} and sum(layer.macs for layer in found.layers) > 500_000
    assert [path.name for path in tmp_path.iterdir()] == [COMPILED]


def test_the_same_bytes_every_time(shared, tmp_path):
    contents = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        compiled(shared / "models/tflite/on_off_int8.tflite", "ethos-u55-64", tmp_path / name)
        contents.append((tmp_path / name / COMPILED).read_bytes())
    assert contents[0] == contents[1]


def test_what_is_left_to_the_cpu_is_named_with_the_reason(shared, tmp_path):
    found = compiled(shared / "models/tflite/ecg_autoencoder_int8.tflite", "ethos-u55-128", tmp_path)
    (coverage,) = (m.value for m in found.measurements if m.name == "npu_coverage")
    assert {f.operator for f in found.fallbacks} == {"QUANTIZE", "DEQUANTIZE"} and coverage == pytest.approx(
        100 * 7 / 9
    )
    assert all(f.reason and f.advice and f.tensor and "\n" not in f.reason for f in found.fallbacks)


def test_layers_of_a_file_without_names_are_called_by_those_beside_it(shared, tmp_path):
    content = (shared / "models/tflite/ecg_autoencoder_int8.tflite").read_bytes()
    (plain, tensors), out = strip(content), tmp_path / "out"
    out.mkdir()
    (tmp_path / "m.tflite").write_bytes(plain)
    (tmp_path / "symbols.json").write_bytes(names_of(hashlib.sha256(plain).hexdigest(), tensors))
    settings = checked("ethos-u55-128", "", "")
    found = compile_file.run(out, tmp_path / "m.tflite", tmp_path / "symbols.json", *settings)
    named = compiled(shared / "models/tflite/ecg_autoencoder_int8.tflite", "ethos-u55-128", out)
    assert [layer.name for layer in found.layers] == [layer.name for layer in named.layers]
    assert found.fallbacks == named.fallbacks


def test_vela_has_nothing_to_say_of_open_sizes(shared, tmp_path):
    content = (shared / "models/tflite/wake_word_int8.tflite").read_bytes()
    (tmp_path / "m.tflite").write_bytes(prepared(content))
    said = vela(tmp_path / "m.tflite", *checked("ethos-u55-128", "", ""), tmp_path / "out")
    assert "dynamic" not in said and fallbacks(said) == []


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (("ethos-u55-127", "", ""), 'no "ethos-u55-127"; did you mean "ethos-u55-128"'),
        (("ethos-u65-256", "Ethos_U65_HighEnd", ""), 'did you mean "Ethos_U65_High_End"'),
        (("ethos-u65-256", "", "Shared_Ram"), 'did you mean "Shared_Sram"'),
    ],
)
def test_unknown_hardware_is_refused_with_what_is_nearest(settings, words):
    with pytest.raises(TargetError, match=words):
        checked(*settings)


def test_every_npu_has_a_system_and_a_memory_mode_that_vela_knows():
    for npu in names():
        _, system, memory = checked(npu, "", "")
        assert checked(npu, system, memory) == (npu, system, memory)
