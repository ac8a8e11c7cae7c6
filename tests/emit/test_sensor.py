"""From the sensor to the answer: every kind of front-end before a model, in both engines, on the host and on a core."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace
from sensor_probe import CASES, write_kit
from tflm_shim import engine, write_shim

from edgekit.ccode.generate import Code
from edgekit.emit.sensor import frontend_file
from edgekit.engine import worker
from edgekit.errors import ModelError
from edgekit.firmware.cores import CORES
from edgekit.firmware.run import missing
from edgekit.measure.firmware import CODE, measure_firmware
from edgekit.types import Artifact

STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
CHECKED = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
PARTS = ("features", "sensor", "golden", "selftest")
TESTED = '#include "net_selftest.h"\nint main(void) { return net_selftest(); }\n'
needs_tools = pytest.mark.skipif(bool(missing()), reason=missing() or "all is here")


@pytest.fixture(scope="module")
def kits(tmp_path_factory):
    """A folder for each case with its `c/`, and the code."""
    with worker.Worker() as process:
        folders = {name: tmp_path_factory.mktemp(name) for name in CASES}
        return {name: (at, process.call(write_kit, str(at), name, returns=Code)) for name, at in folders.items()}


def parts(folder: Path) -> list[str]:
    """The C beside the model's."""
    return [name for part in PARTS if (folder / (name := f"net_{part}.c")).exists()]


def selftest(folder: Path, compiler: str = "gcc") -> int:
    """How many vectors of standalone C differ."""
    (folder / "main.c").write_text(TESTED)
    sources = ["main.c", "net.c", *parts(folder)]
    command = [compiler, "-std=c11", "-O1", *STRICT, *CHECKED, "-I.", *sources, "-o", "t"]
    subprocess.run(command, cwd=folder, check=True)
    return subprocess.run([folder / "t"], timeout=60).returncode


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("kind", CASES)
def test_what_the_sensor_gives_becomes_the_inputs_and_outputs_of_python(kits, tmp_path, kind, compiler):
    folder = Path(shutil.copytree(kits[kind][0] / "c", tmp_path / "c"))
    assert "#define NET_GOLDEN_RAW 6" in (folder / "net_golden.h").read_text()
    assert selftest(folder, compiler) == 0


def test_a_recording_that_gives_another_input_is_counted(kits, tmp_path):
    """The tenth sample of the first one is another."""
    folder = Path(shutil.copytree(kits["log-mel"][0] / "c", tmp_path / "c"))
    golden = (folder / "net_golden.c").read_text()
    head, raw = golden.split("net_golden_raw[NET_GOLDEN_RAW][800] = {")
    changed = re.sub(r"(\s*\{\s*(?:-?\d+, ){9})-?\d+", r"\g<1>32767", raw, count=1)
    (folder / "net_golden.c").write_text(f"{head}net_golden_raw[NET_GOLDEN_RAW][800] = {{{changed}")
    assert selftest(folder) == 1


@pytest.mark.parametrize("kind", ["log-mel", "window", "bytes"])
def test_the_kit_of_tflm_runs_from_the_sensor_too(kits, tmp_path, kind):
    folder, code = kits[kind]
    folder = folder / "c"
    write_shim(tmp_path)
    ends = [
        [(f"{end.dtype}_t", size) for end, size in zip(*of, strict=True)]
        for of in zip((code.inputs, code.outputs), code.sizes, strict=True)
    ]
    (tmp_path / "shim.cpp").write_text(engine("net", *ends, False))
    (tmp_path / "main.c").write_text(TESTED)
    sources = ["main.c", "shim.cpp", folder / "net_tflm.cpp", folder / "net.c", folder / "net_model.c"]
    for source in map(str, [*sources, *(folder / part for part in parts(folder))]):
        compiler = ["g++", "-std=c++17"] if source.endswith("cpp") else ["gcc", "-std=c11"]
        flags = [*STRICT, *CHECKED, "-DNET_SELFTEST_TFLM", "-I.", f"-I{folder}", "-c", source]
        subprocess.run([*compiler, *flags], cwd=tmp_path, check=True)
    objects = [file.name for file in tmp_path.glob("*.o")]
    subprocess.run(["g++", *CHECKED, *objects, "-o", "t"], cwd=tmp_path, check=True)
    assert subprocess.run([tmp_path / "t"], timeout=60).returncode == 0


def files_of(folder: Path, *names: str) -> dict[str, Artifact]:
    return {name: Artifact("c", str(folder / name), 0, "") for name in names}


def simulated(folder: Path, code: Code, sensor: bool = True) -> dict[str, float]:
    """What a simulated Cortex-M4F took, by name."""
    ahead = [f"net_{part}.{end}" for part in ("sensor", "features") for end in "hc"] if sensor else []
    golden = Artifact("data", str(folder / "golden.npz"), 0, "")
    sources = files_of(folder / "c", "net.h", "net.c"), golden, "cortex-m4f", 80e6, {}
    found = measure_firmware.run(str(folder), code, *sources, files_of(folder / "c", *ahead), "kind")
    return {m.name: m.value for m in found}


@needs_tools
@pytest.mark.parametrize("kind", ["log-mel", "mfcc", "window", "camera"])
def test_a_core_takes_as_much_as_the_model_and_its_front_end(kits, kind):
    """Byte for byte, else measuring raises."""
    whole, alone = simulated(*kits[kind]), simulated(*kits[kind], sensor=False)
    for name in ("flash", "ram"):
        assert whole[name] == alone[name] + whole[f"frontend_{name}"]
        assert whole[f"frontend_{name}"] > 0
    assert whole["frontend_instructions"] == whole["instructions of kind front-end"]
    assert whole["instructions"] > whole["frontend_instructions"] > alone["instructions"] / 10
    assert whole["latency_p90"] > alone["latency_p90"]
    assert next(name for name in whole if name.startswith("instructions of ")) == "instructions of kind front-end"


@needs_tools
def test_a_recording_that_does_not_fit_the_board_is_not_measured(kits, monkeypatch):
    monkeypatch.setitem(CORES, "cortex-m4f", replace(CORES["cortex-m4f"], room=CODE))
    found = simulated(*kits["picture"])
    assert {"flash", "ram", "instructions", "frontend_instructions", "latency_p90"} <= {*found}
    assert not any(found.values())


@needs_tools
def test_a_front_end_that_gives_something_else_on_a_core_is_refused(kits, tmp_path):
    folder, code = kits["window"]
    shutil.copytree(folder, tmp_path / "w")
    features = tmp_path / "w/c/net_features.c"
    features.write_text(features.read_text().replace("features[i] = ", "features[i] = 64 ^ "))
    with pytest.raises(ModelError, match="other outputs than TFLM for number 0 of the recordings"):
        simulated(tmp_path / "w", code)


def test_a_device_without_c_gets_the_front_end_alone(tmp_path):
    case = CASES["picture"]
    frontend_file.run(str(tmp_path), case.frontend, case.raw, "my net")
    assert {file.name for file in tmp_path.iterdir()} == {"my_net_features.c", "my_net_features.h"}
