"""The other commands, as a person or a script runs them."""

import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import ROOT, contents, edgekit, run, statuses, typed

from edgekit import __version__
from edgekit.runtimes import RUNTIMES, installed

OUT = Path("build/phone/digits")
MODEL = str(OUT / "model.tflite")
TASKS = ("build", "check", "bench", "carray", "inspect", "targets", "doctor", "clean")


def test_invoke_runs_the_same_tasks(built):
    done = run([sys.executable, "-m", "invoke", "build", "--target=phone", "--verbose"], built)
    assert done.returncode == 0, done.stderr
    assert set(statuses(done.stdout).values()) == {"cached"}


def test_list_names_every_task(built):
    printed = edgekit(built, "--list").stdout
    assert {line.split()[0] for line in printed.splitlines() if line.startswith("  ")} >= set(TASKS)


def test_version(built):
    assert edgekit(built, "--version").stdout.split()[-1] == __version__


def test_a_wrong_option_is_the_user_s_mistake(built):
    done = typed(built, "build", "--traget=phone")
    assert done.returncode == 2
    assert done.stderr.startswith("edgekit: ") and len(done.stderr.splitlines()) <= 2


def test_targets_are_listed(built):
    """Those of the project with their files, and beside them those that edgekit brings."""
    for profile in (built / "targets").iterdir():
        profile.unlink() if profile.stem != "phone" else None
    printed = typed(built, "targets").stdout.splitlines()[1:]
    assert printed[0].split()[:3] == ["phone", "targets/phone.toml", "litert"]
    assert ["camera", "built-in", "tflite-runtime"] in [line.split()[:3] for line in printed[1:]]
    assert [line.split()[0] for line in printed].count("phone") == 1
    found = json.loads(typed(built, "targets", "--json").stdout)
    assert [(t["name"], t["origin"]) for t in found] == [tuple(line.split()[:2]) for line in printed]


def test_bench_measures_under_each_runtime(cold):
    done = typed(cold, "bench", MODEL, "--json")
    assert done.returncode == 0 and done.stderr == ""
    found = json.loads(done.stdout)
    runtimes = {m["runtime"].split(" ")[0] for m in found} - {""}
    assert runtimes == {name for name in RUNTIMES if installed(name)}
    assert {m["name"] for m in found} >= {"model_size", "load_time", "latency_p50", "latency_p90", "resident_memory"}
    [size] = [m["value"] for m in found if m["name"] == "model_size"]
    assert size == (cold / MODEL).stat().st_size
    p90 = [m for m in found if m["name"] == "latency_p90"]
    assert all(m["unit"] == "ns" and m["low"] <= m["value"] <= m["high"] and m["samples"] >= 10 for m in p90)


def test_bench_of_one_runtime(cold):
    done = typed(cold, "bench", MODEL, "--runtime=tflm")
    assert done.returncode == 0
    assert "arena" in done.stdout and "litert" not in done.stdout


@pytest.mark.parametrize("command", ["bench", "inspect", "carray"])
@pytest.mark.parametrize(("content", "says"), [(None, "cannot be read"), (b"", "m.tflite"), (b"hello", "m.tflite")])
def test_a_file_that_is_no_model_is_refused(cold, tmp_path, command, content, says):
    file = tmp_path / "m.tflite"
    if content is not None:
        file.write_bytes(content)
    options = [f"--out={tmp_path / 'c'}"] if command == "carray" else []
    done = typed(cold, command, str(file), *options)
    assert done.returncode == 2, done.stdout
    assert done.stderr.startswith("edgekit: ") and len(done.stderr.splitlines()) <= 2
    assert str(file) in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "c").exists()


def test_bench_of_an_unknown_runtime_suggests_the_nearest(cold):
    done = typed(cold, "bench", MODEL, "--runtime=tflite_runtime")
    assert done.returncode == 2 and "tflite-runtime" in done.stderr


def test_inspect_a_keras_file(cold):
    found = json.loads(typed(cold, "inspect", "assets/digits.keras", "--json").stdout)
    assert found["parameters"] == 34_826
    assert found["kinds"]["Conv2D"] == 2


def test_inspect_a_tflite(cold):
    done = typed(cold, "inspect", MODEL)
    assert done.returncode == 0
    assert "CONV_2D" in done.stdout and "2,440,960" in done.stdout


def test_carray_writes_sources(cold, tmp_path):
    done = typed(cold, "carray", MODEL, "--name=net", f"--out={tmp_path}")
    assert done.returncode == 0
    assert set(done.stdout.split()) == {str(tmp_path / name) for name in contents(tmp_path)}
    assert {"net_model.h", "net_model.c"} <= contents(tmp_path).keys()


def test_doctor_finds_this_environment_healthy(cold):
    done = edgekit(cold, "doctor", "--json")
    assert done.returncode == 0, done.stdout
    found = {f["name"]: f for f in json.loads(done.stdout)}
    assert found["tensorflow"]["version"] == importlib.metadata.version("tensorflow")
    assert all(found[name]["works"] for name in ("python", "tensorflow loads", "litert"))
    assert all(f["advice"] for f in found.values() if not f["works"])


def test_clean_removes_the_outputs_of_a_target(released):
    kept = released / "build/mine/notes.txt"
    kept.parent.mkdir()
    kept.write_text("by hand")
    done = typed(released, "clean", "--target=phone")
    assert done.returncode == 0 and "removed build/phone/digits" in done.stdout
    left = {p.name for p in (released / "build").iterdir()}
    assert left >= {"camera", "camera-u55", "microcontroller", "mine", "index.html"} and "phone" not in left
    assert typed(released, "clean").returncode == 0
    assert contents(released / "build") == {"mine/notes.txt": b"by hand"}
    assert (released / ".edgekit").is_dir()
    assert typed(released, "clean").stdout == "nothing to remove\n"


def test_clean_removes_the_stored_results_too(built):
    assert typed(built, "clean", "--cache").returncode == 0
    assert not (built / "build").exists()
    assert [p.name for p in (built / ".edgekit").iterdir()] == ["history.sqlite"]


class TestMissingRuntime:
    """An environment with everything but TensorFlow Lite for Microcontrollers."""

    @pytest.fixture
    def without_tflm(self, tmp_path):
        packages = tmp_path / "site-packages"
        packages.mkdir()
        for folder in {Path(p) for p in sys.path if p.endswith("-packages")}:
            for entry in folder.iterdir():
                if not entry.name.startswith("tflite_micro") and not (packages / entry.name).exists():
                    (packages / entry.name).symlink_to(entry)

        def command(*arguments, cwd):
            # -S: the packages are those of this folder alone.
            environment = {k: v for k, v in os.environ.items() if k != "EDGEKIT_STORE"}
            environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(packages)])
            return subprocess.run(
                [sys.executable, "-S", "-m", "edgekit", *arguments],
                cwd=cwd,
                env=environment,
                capture_output=True,
                text=True,
            )

        return command

    @pytest.mark.parametrize("arguments", [("build", "--target=microcontroller"), ("bench", MODEL, "--runtime=tflm")])
    def test_gives_3_and_says_what_to_install(self, without_tflm, built, arguments):
        done = without_tflm(*arguments, cwd=built)
        assert done.returncode == 3, done.stdout + done.stderr
        assert done.stderr.startswith("edgekit: ") and "pip install tflite-micro" in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert not (built / "build/microcontroller").exists()


def test_verbose_says_how_to_get_each_figure_again(built):
    said = typed(built, "build", "--target=phone", "--verbose").stdout
    [command] = [line.split(":", 1)[1].split() for line in said.splitlines() if "multiply-accumulates:" in line]
    done = typed(built, *command[1:])
    assert done.returncode == 0 and "2,440,960" in done.stdout


def test_the_summary_of_a_step_in_github_actions(built, tmp_path):
    (tmp_path / "summary.md").write_text("before\n")
    edgekit(built, "build", "--target=phone", GITHUB_STEP_SUMMARY=str(tmp_path / "summary.md"))
    text = (tmp_path / "summary.md").read_text()
    assert text.startswith("before\n# digits for phone: pass") and len(text) < 65_536


def test_a_build_is_logged_to_mlflow(built, tmp_path):
    mlflow = pytest.importorskip("mlflow")
    done = edgekit(built, "build", "--target=phone", f"--mlflow={tmp_path / 'runs'}")
    assert done.returncode == 0, done.stderr
    [metric] = (tmp_path / "runs").glob("*/*/metrics/model_size")
    size = (built / "build/phone/digits/model.tflite").stat().st_size
    assert float(metric.read_text().split()[1]) == size and mlflow.__version__
    done = edgekit(built, "build", "--target=phone", "--mlflow=nowhere://x")
    assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1, done.stderr


@pytest.mark.parametrize("command", [["clean"], ["carray", MODEL, "--out=c"]])
def test_what_prints_files_prints_them_as_json_too(built, command):
    done = typed(built, *command, "--json")
    assert done.returncode == 0 and json.loads(done.stdout)


def test_inspect_holds_a_file_against_limits_but_not_against_a_baseline_that_it_does_not_know(fresh, shared):
    profile, model = fresh / "targets/phone.toml", str(shared / "models/tflite/wake_word_int8.tflite")
    text = profile.read_text().replace("[budget]", '[budget]\nmodel_size = "44 KiB"')
    profile.write_text(text)

    def over():
        found = json.loads(typed(fresh, "inspect", model, "--json").stdout)
        return next(target["over"] for target in found["targets"] if target["target"] == "phone")

    assert over() == ["model_size 72.8 KiB of 44.0 KiB"]
    profile.write_text(text.replace('model_size = "44 KiB"', 'model_size = "+0 B"'))
    assert over() == []


@pytest.mark.parametrize("command", [("release", "--help"), ("verify", "-h"), ("verify", "x", "--help")])
def test_so_it_does_under_invoke(fresh, command):
    before = contents(fresh)
    done = run([sys.executable, "-m", "invoke", *command], fresh)
    assert done.returncode == 0 and f"Usage: invoke {command[0]}" in done.stdout and not done.stderr
    assert contents(fresh) == before
