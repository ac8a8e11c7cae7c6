"""What ships is what was measured: runtimes against each other, golden vectors, a device's outputs."""

import json
from pathlib import Path

import numpy as np
import pytest
from command_line import typed

from edgekit.engine import worker
from edgekit.flatbuffer.read import read_graph

OUT = "build/phone/digits"


@pytest.fixture(scope="module")
def report(everything):
    return json.loads((everything / "build/microcontroller/digits/report.json").read_text())


def test_every_runtime_ran_the_same_samples(report):
    found = {a["runtime"].split(" ")[0]: a for a in report["conformance"]}
    assert set(found) == {"litert", "litert-reference"} and report["shipped"] == "tflm"
    assert {a["samples"] for a in found.values()} == {2000}
    assert found["litert-reference"]["identical"] >= found["litert"]["identical"]
    for agreement in found.values():
        assert (agreement["identical"] == 100) == (agreement["first"] is None) == (agreement["largest"] == 0)
    (measured,) = (m for m in report["measurements"] if m["name"] == "max_lsb")
    assert measured["value"] == max(a["largest"] for a in found.values())


def test_where_they_part_has_the_layers_name_although_the_file_lost_it(report, everything):
    parted = [a["first"] for a in report["conformance"] if a["first"]]
    names = json.loads((everything / "build/microcontroller/digits/model.names.json").read_text())["tensors"]
    for first in parted:
        assert any(first["layer"] in name for name in names)
        assert first["largest"] >= 1 and first["unit"] == "LSB"
    for name in ("report.md", "report.html"):
        text = (everything / "build/microcontroller/digits" / name).read_text()
        assert "litert-reference" in text and all(first["layer"] in text for first in parted)


def test_the_limit_holds_what_any_runtime_may_be_off(built):
    done = typed(built, "build", "--target=phone", "--set=budget.max_lsb=0", "--json")
    found = json.loads(done.stdout)
    (line,) = (line for line in found["budget"] if line["name"] == "max_lsb")
    assert (line["verdict"], done.returncode) == (("fail", 1) if line["value"] else ("pass", 0))
    assert line["value"] == max(a["largest"] for a in found["conformance"])


def answers(path: str, runtime: str, golden: str) -> list[list[int]]:
    """What a runtime makes of the golden inputs."""
    from edgekit.runtimes import open_session

    session, found = open_session(runtime, path), []
    with np.load(golden) as file:
        for sample in file["input_0"]:
            session.set_inputs([sample])
            session.invoke()
            found.append(session.get_outputs()[0].ravel().tolist())
    return found


def test_golden_vectors_are_what_the_shipping_runtime_answers(everything):
    for target, runtime in (("phone", "litert"), ("microcontroller", "tflm")):
        folder = everything / "build" / target / "digits"
        with np.load(folder / "golden.npz") as file:
            golden = dict(file)
        got = worker.call(
            answers, str(folder / "model.tflite"), runtime, str(folder / "golden.npz"), returns=list[list[int]]
        )
        assert got == golden["output_0"].reshape(len(got), -1).tolist()
        spec = read_graph(folder / "model.tflite").outputs[0]
        assert np.allclose(golden["real_0"], (golden["output_0"].astype(int) - spec.zero_point) * spec.scale)
        assert list(golden["row"][-3:]) == [-1, -1, -1] and (golden["row"][:-3] >= 0).all()
        assert golden["input_0"][-3].max() == -128 and golden["input_0"][-2].min() == 127
        assert str(golden["sha256"]) == read_graph(folder / "model.tflite").sha256


@pytest.fixture
def device(cold, tmp_path):
    """Outputs as a device sends them, and the file to put others into."""
    with np.load(cold / OUT / "golden.npz") as file:
        return file["output_0"]


@pytest.mark.parametrize("form", ["bin", "npy", "npz"])
def test_a_device_that_agrees_is_verified_in_any_form(cold, device, tmp_path, form):
    file = tmp_path / f"device.{form}"
    {"bin": lambda: file.write_bytes(device.tobytes()), "npy": lambda: np.save(file, device)}.get(
        form, lambda: np.savez(file, output_0=device)
    )()
    done = typed(cold, "verify", OUT, f"--outputs={file}")
    assert done.returncode == 0 and "all the same to the bit" in done.stdout


def test_a_device_that_is_off_is_told_where(cold, device, tmp_path):
    wrong = device.copy()
    wrong[1, 0, 4] = wrong[1, 0, 4] - 2 if wrong[1, 0, 4] > 0 else wrong[1, 0, 4] + 2
    np.save(tmp_path / "d.npy", wrong)
    done = typed(cold, "verify", OUT, f"--outputs={tmp_path}/d.npy", "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 1 and found["first"] == [1, 4] and found["largest"] == 2 and found["differing"] == 1
    assert typed(cold, "verify", OUT, f"--outputs={tmp_path}/d.npy", "--max-lsb=2").returncode == 0


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [(b"12", "d.bin", "70"), (b"no", "d.npz", "cannot be read"), (b"", "d.npy", "cannot be read"), (None, "x", "x")],
)
def test_outputs_that_are_none_are_refused(cold, tmp_path, content, name, words):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    done = typed(cold, "verify", OUT, f"--outputs={tmp_path / name}")
    assert done.returncode == 2 and words in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_build_without_golden_vectors_cannot_verify(tmp_path):
    done = typed(tmp_path, "verify", ".", "--outputs=x.bin")
    assert done.returncode == 2 and "golden.npz" in done.stderr


def test_diverge_agrees_with_the_report(everything, report):
    folder = everything / "build/microcontroller/digits"
    done = typed(everything, "diverge", str(folder / "model.tflite"), "--runtimes=tflm,litert", "--json")
    found = json.loads(done.stdout)
    assert found["inputs"].endswith("golden.npz") and found["undisturbed"]
    whole = {p["operator"] for p in found["partings"]}
    said = typed(everything, "diverge", str(folder / "model.tflite"), "--runtimes=tflm,litert").stdout
    assert ("first divergence" in said) == bool(whole) and whole <= set(range(6))


def test_diverge_takes_a_file_from_elsewhere_and_names_layers(shared, tmp_path):
    file = shared / "models/tflite/wake_word_int8.tflite"
    done = typed(tmp_path, "diverge", str(file), "--runtimes=litert,tflm", "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 0 and found["inputs"] == "16 random inputs"
    assert [p["operator"] for p in found["partings"]] == sorted(p["operator"] for p in found["partings"])


@pytest.mark.parametrize(
    ("options", "words", "code"),
    [
        (["--runtimes=litert"], "give two", 2),
        (["--runtimes=litert,litrt"], 'did you mean "litert"', 2),
        (["--runtimes=litert,tflm", "--inputs=none.npz"], "none.npz", 2),
    ],
)
def test_diverge_refuses_what_it_cannot_compare(shared, tmp_path, options, words, code):
    done = typed(tmp_path, "diverge", str(shared / "models/tflite/hello_world_int8.tflite"), *options)
    assert done.returncode == code and words in done.stderr and len(done.stderr.splitlines()) == 1


def test_compat_asks_those_here_and_knows_the_others(shared, tmp_path):
    done = typed(tmp_path, "compat", str(shared / "models/tflite/wake_word_int8.tflite"), "--json")
    found = {entry["runtime"]: entry for entry in json.loads(done.stdout)}
    assert found["tflite-runtime 2.7.0"]["runs"] and found["tflite-runtime 2.7.0"]["how"] == "operators"
    ran = {name.split(" ")[0] for name, entry in found.items() if entry["how"] == "ran" and entry["runs"]}
    assert {"litert", "litert-reference", "tflm"} <= ran
    assert {name.split(" ")[0] for name, e in found.items() if e["how"] == "compiled"} == {
        "ethos-u55-128",
        "ethos-u65-256",
    }


def test_compat_names_what_a_release_lacks(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "runtimes")
    from support_probe import write

    write(str(tmp_path / "m.tflite"), "GELU", 2)
    found = {e["runtime"]: e for e in json.loads(typed(tmp_path, "compat", "m.tflite", "--json").stdout)}
    old = found["tflite-runtime 2.7.0"]
    assert not old["runs"] and old["reason"] == "has no kernel for GELU in 'model/block/add'"
    assert found["litert 2.2.0"]["runs"]
    refused = [e for e in found.values() if e["how"] == "ran" and not e["runs"]]
    assert refused and all(e["reason"] and "\n" not in e["reason"] for e in refused), "it has no inputs"
