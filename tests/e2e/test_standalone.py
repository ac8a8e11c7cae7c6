"""`edgekit ccode` and a build's standalone C, as a firmware engineer uses them."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from command_line import typed
from make_graph import Graph

from edgekit.firmware.run import missing


def test_a_build_hands_over_c_that_passes_its_selftest(everything, tmp_path):
    folder = everything / "build/microcontroller/digits/c"
    main = '#include "digits_selftest.h"\nint main(void) { return digits_selftest(); }\n'
    (tmp_path / "main.c").write_text(main)
    flags = "-std=c11 -Wall -Wextra -Wconversion -Wpedantic -Werror -fsanitize=address,undefined".split()
    sources = ["main.c", *(folder / f"digits{part}.c" for part in ("", "_golden", "_selftest", "_sensor"))]
    subprocess.run(["gcc", *flags, f"-I{folder}", *sources, "-o", "t"], cwd=tmp_path, check=True)
    assert subprocess.run(["./t"], cwd=tmp_path).returncode == 0


def test_the_budget_holds_what_the_simulated_core_measured(everything):
    report = json.loads((everything / "build/microcontroller/digits/report.json").read_text())
    lines = {line["name"]: line for line in report["budget"]}
    for name in ("flash", "ram", "instructions"):
        if said := missing():
            assert lines[name]["verdict"] == "inconclusive" and said in lines[name]["reason"]
        else:
            assert lines[name]["verdict"] == "pass" and lines[name]["source"].startswith("simulated qemu")


@pytest.mark.skipif(bool(missing()), reason=missing() or "all is here")
def test_any_file_is_measured_on_simulated_hardware(shared, tmp_path):
    file = str(shared / "models/tflite/on_off_int8.tflite")
    options = ["--runtime=qemu", "--cpu=cortex-m7", "--clock=400 MHz", "--runtime=vela", "--json"]
    done = typed(tmp_path, "bench", file, *options)
    found = {(m["name"], m["runtime"].split(" ")[0]): m for m in json.loads(done.stdout)}
    assert done.returncode == 0 and found["instructions", "qemu"]["samples"] == 20
    assert found["latency_p90", "qemu"]["source"] == "estimated"
    assert found["npu_coverage", "vela"]["value"] == 100
    done = typed(tmp_path, "bench", str(shared / "models/tflite/blockwise_int4.tflite"), "--runtime=qemu")
    assert done.returncode == 2 and "operator 0, FULLY_CONNECTED" in done.stdout and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--cpu=cortex-m4", 'did you mean "cortex-m4f"'),
        ("--clock=80", "no unit of frequency"),
        ("--npu=ethos-u55-127", 'did you mean "ethos-u55-128"'),
    ],
)
def test_hardware_that_is_not_simulated_is_refused(shared, tmp_path, option, words):
    file = str(shared / "models/tflite/on_off_int8.tflite")
    runtime = "vela" if "npu" in option else "qemu"
    done = typed(tmp_path, "bench", file, f"--runtime={runtime}", option)
    assert done.returncode == 2 and words in done.stderr and len(done.stderr.splitlines()) == 1


def test_the_command_writes_the_same_code_every_time(shared, tmp_path):
    file = shared / "models/tflite/on_off_int8.tflite"
    for out in ("a", "b"):
        done = typed(tmp_path, "ccode", str(file), "--name=on-off", f"--out={out}", "--json")
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert found["bound"] <= found["arena"] <= 1.1 * found["bound"]
    for name in ("on_off.c", "on_off.h"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert f"#define ON_OFF_ARENA_BYTES {found['arena']}\n" in (tmp_path / "a/on_off.h").read_text()


def test_cmsis_nn_is_named_file_by_file(shared, tmp_path, cmsis_nn):
    options = ["--kernels=cmsis-nn", f"--cmsis-nn={cmsis_nn}", "--name=m", "--out=c", "--json"]
    done = typed(tmp_path, "ccode", str(shared / "models/tflite/wake_word_int8.tflite"), *options)
    assert done.returncode == 0, done.stderr
    names = {Path(file).name for file in json.loads(done.stdout)["library"]}
    assert {"arm_convolve_wrapper_s8.c", "arm_nn_mat_mult_nt_t_s8.c", "arm_depthwise_conv_s8_opt.c"} <= names
    assert "arm_avgpool_s8.c" not in names


@pytest.mark.skipif(bool(missing()), reason=missing() or "all is here")
def test_another_cmsis_nn_is_measured_again(released, tmp_path, cmsis_nn):
    copy = tmp_path / "library" / "cmsis_nn"
    shutil.copytree(cmsis_nn.parent, copy.parent)
    sets = ["--set=outputs.c_kernels=cmsis-nn", f"--set=outputs.cmsis_nn={copy}"]

    def instructions() -> float:
        done = typed(released, "build", "--target=microcontroller", "--json", *sets)
        assert done.returncode in (0, 1), done.stderr
        return next(m["value"] for m in json.loads(done.stdout)["measurements"] if m["name"] == "instructions")

    first = instructions()
    assert first == instructions()
    file = copy / "Source/PoolingFunctions/arm_max_pool_s8.c"
    file.write_text(file.read_text().replace("int count = 0;", "volatile int count = 0;"))
    assert instructions() > first


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [
        ("two_signatures_float", [], "2 subgraphs"),
        ("blockwise_int4", [], "operator 0, FULLY_CONNECTED in 'PartitionedCall:0': tensor"),
        ("on_off_int8", ["--kernels=helium"], "--kernels=helium"),
        ("on_off_int8", ["--kernels=cmsis-nn"], "needs --cmsis-nn=PATH"),
        ("on_off_int8", ["--kernels=cmsis-nn", "--cmsis-nn=."], "has no Include/arm_nnfunctions.h"),
        ("on_off_int8", ["--cmsis-nn=."], "is for --kernels=cmsis-nn"),
        ("on_off_int8", ["--arena=5 KB"], "needs an arena of 5,152 B, and --arena gives 5,000 B"),
        ("on_off_int8", ["--arena=5"], "no unit of size"),
        ("none", [], "none.tflite"),
    ],
)
def test_what_cannot_be_written_is_named(shared, tmp_path, model, options, words):
    done = typed(tmp_path, "ccode", str(shared / f"models/tflite/{model}.tflite"), "--out=c", *options)
    assert done.returncode == 2 and words in done.stderr and len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.glob("c/*"))


def test_a_build_names_the_model_that_cannot_be_written(cold, tmp_path):
    g = Graph()
    x, axis = g.input([1, 4]), g.constant(np.array(1, np.int32))
    model = tmp_path / "sums.tflite"
    model.write_bytes(g.finish(g.operator("CUMSUM", [x, axis], [g.tensor([1, 4])], "CumsumOptions")))
    options = [f"--model={model}", "--data=random", f"--out={tmp_path / 'out'}"]
    done = typed(cold, "build", "--target=microcontroller", *options)
    assert done.returncode == 2 and not (tmp_path / "out").exists()
    assert done.stderr.startswith(f"edgekit: {model}: outputs.c_standalone: operator 0, CUMSUM in 't2': ")
    assert "or let TFLM execute it: outputs.c_standalone = false, without a limit on flash, ram\n" in done.stderr


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("outputs.c_standalone=true", 'write runtimes.ship = "tflm"'),
        ("budget.instructions=4 M", "set outputs.c_standalone = true"),
        ("outputs.c_tables=true", "outputs.c_tables: is of standalone C; set outputs.c_standalone = true"),
        ("outputs.c_kernels=cmsis", 'there is no "cmsis"; did you mean "cmsis-nn"?'),
        ("outputs.c_kernels=dsp", "set outputs.c_standalone = true"),
        ("recipe.quantize.scheme=dynamic", '"tflm" does not execute dynamic; it takes int8'),
        ("recipe.quantize.scheme=float16", '"tflm" does not execute float16; it takes int8'),
        ("recipe.quantize=false", 'write recipe.quantize.scheme = "int8"'),
        ('recipe.quantize.float_layers=["conv1"]', "recipe.quantize.float_layers leaves floats"),
        ("hardware.cpu=cortex-m4", 'simulates no "cortex-m4" here; did you mean "cortex-m4f"'),
    ],
)
def test_a_profile_that_contradicts_itself_is_refused(cold, setting, words):
    target = "microcontroller" if "cpu" in setting or "quantize" in setting else "phone"
    done = typed(cold, "build", f"--target={target}", f"--set={setting}")
    assert done.returncode == 2 and words in done.stderr and len(done.stderr.splitlines()) == 1
