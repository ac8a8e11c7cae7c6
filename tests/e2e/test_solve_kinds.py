"""A search on models of many kinds with settings of many kinds: it ends with words that are true, and what it found
builds to the file that it measured."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from command_line import edgekit, run, typed

MAKER = Path(__file__).with_name("make_nets.py")


class Case(NamedTuple):
    net: str
    device: str
    settings: str
    """Further lines of the target."""
    quality: str = "accuracy"
    """By what a search of it chooses."""
    trials: int = 2

    @property
    def target(self) -> str:
        return f'extends = "{self.device}"\n[recipe]\nprune = false\n{self.settings}\n'


QUALITY = {"accuracy", "accuracy_drop", "churn", "fidelity", "sqnr", "metric", "metric_loss", "lost_outputs", "skill"}
"""Figures that depend on the samples that judge."""
SMALLEST = '[solve]\nepochs = 1\nminimize = "model_size"\n'
BEST = "[solve]\nepochs = 2\n"
ACCURATE = '[budget]\naccuracy = "20 %"\naccuracy_drop = "70 %"\n'
ALL = 'techniques = ["channels", "distil", "prune", "cluster", "qat"]\n'
CASES = {
    "1-D CNN": Case("time", "microcontroller", ACCURATE + SMALLEST),
    "two inputs": Case("two-inputs", "microcontroller", ACCURATE + SMALLEST),
    "two outputs": Case(
        "two-outputs",
        "phone",
        '[budget]\naccuracy = "20 %"\naccuracy_drop = "70 %"\nmetric_max = 9.0\n' + SMALLEST,
        "metric",
    ),
    "mae": Case("mae", "phone", "[budget]\nmetric_max = 9.0\n" + SMALLEST, "metric"),
    "mse, the best": Case("mse", "phone", '[budget]\nmodel_size = "20 KiB"\nmetric_max = 90.0\n' + BEST, "metric"),
    "no labels": Case(
        "unlabelled",
        "phone",
        '[budget]\nsqnr = 1\nlevels = { churn = "off", lost_outputs = "off" }\n' + SMALLEST,
        "fidelity",
    ),
    "LSTM": Case("lstm", "phone", ACCURATE + SMALLEST),
    "GRU": Case("gru", "phone", ACCURATE + SMALLEST),
    "attention": Case("attention", "phone", ACCURATE + SMALLEST),
    "one sigmoid": Case("sigmoid", "microcontroller", ACCURATE + SMALLEST),
    "persons": Case("persons", "phone", ACCURATE + SMALLEST),
    "class folders": Case("folders", "phone", ACCURATE + SMALLEST),
    "many groups": Case("residual", "phone", ACCURATE + SMALLEST),
    "depthwise": Case("depthwise", "microcontroller", ACCURATE + SMALLEST),
    "all techniques": Case(
        "time",
        "phone",
        ACCURATE.replace("20 %", "5 %")
        + '[solve]\nepochs = 1\nminimize = "download_size"\n'
        + "ranges = { width = [0.5, 0.5], sparsity = [0.5, 0.5], clusters = [8] }\n",
        trials=5,
    ),
    "prune alone": Case(
        "time",
        "phone",
        '[budget]\ndownload_size = "9 KiB"\naccuracy_drop = "90 %"\n' + BEST + 'techniques = ["prune"]\n',
    ),
    "qat alone": Case(
        "time", "phone", '[budget]\nmodel_size = "9 KiB"\naccuracy_drop = "90 %"\n' + BEST + 'techniques = ["qat"]\n'
    ),
    "distil alone": Case(
        "mae",
        "phone",
        '[budget]\nmodel_size = "9 KiB"\nlevels = { accuracy_drop = "off" }\n' + BEST + 'techniques = ["distil"]\n',
        "metric",
    ),
    "lookup tables": Case(
        "depthwise",
        "microcontroller",
        "[recipe.shrink]\nlookup_tables = true\n" + ACCURATE + SMALLEST + 'techniques = ["cluster", "channels"]\n',
        trials=4,
    ),
    "tables in C": Case(
        "depthwise",
        "microcontroller",
        "[outputs]\nc_tables = true\n"
        + ACCURATE
        + '[solve]\nepochs = 1\nminimize = "flash"\ntechniques = ["cluster"]\n',
        trials=3,
    ),
    "several costs": Case(
        "time", "microcontroller", ACCURATE + '[solve]\nepochs = 1\nminimize = ["instructions", "flash", "latency"]\n'
    ),
    "NPU cycles": Case("depthwise", "camera-u55", ACCURATE + '[solve]\nepochs = 1\nminimize = "npu_cycles"\n'),
    "NPU latency": Case(
        "depthwise",
        "camera",
        "[recipe.quantize]\ncalibration_samples = 200\n" + ACCURATE + '[solve]\nepochs = 1\nminimize = "latency"\n',
    ),
    "by value": Case(
        "time",
        "phone",
        ACCURATE + SMALLEST + 'holds = "value"\n',
    ),
    "int16": Case("time", "phone", '[recipe.quantize]\nscheme = "int16x8"\n' + ACCURATE + SMALLEST),
    "dynamic": Case("time", "phone", '[recipe.quantize]\nscheme = "dynamic"\n' + ACCURATE + SMALLEST),
    "not simulated": Case(
        "time",
        "esp32-c3",
        ACCURATE + SMALLEST,
    ),
}

WITHIN_A_MINUTE = ("1-D CNN", "mae", "no labels", "one sigmoid", "tables in C", "several costs", "by value", "int16")
SLOW = (*WITHIN_A_MINUTE, "two outputs")
"""The rest takes several minutes each."""


@pytest.fixture(scope="module")
def nets(once):
    def fill(folder):
        done = run([sys.executable, str(MAKER), str(folder)], folder)
        assert done.returncode == 0, done.stderr

    return once("nets", fill)


def prepared(nets: Path, case: Case, folder: Path) -> Path:
    """A project of a case."""
    shutil.copytree(nets / case.net, folder)
    (folder / "targets").mkdir()
    (folder / "targets/small.toml").write_text(case.target)
    return folder


def shipped(measurements: list[dict]) -> dict[tuple[str, str], float]:
    """The figures of what ships, by their names and what measured them."""
    return {(m["name"], m["runtime"]): m["value"] for m in measurements if m["artifact"] == "model"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in SLOW else pytest.mark.campaign) for name in CASES]
)
def test_what_a_search_says_is_what_a_build_finds(nets, tmp_path, name):
    case = CASES[name]
    check(prepared(nets, case, tmp_path / "project"), case)


def check(project: Path, case: Case) -> None:
    done = edgekit(project, "solve", "--target=small", f"--trials={case.trials}")
    assert done.returncode in (0, 1) and "Traceback" not in done.stderr, done.stdout + done.stderr
    folder = project / "build/solve/small/net"
    found, page = json.loads((folder / "solve.json").read_text()), (folder / "solve.html").read_text()
    assert len(found["trials"]) == case.trials
    failed = [t["reason"] for t in found["trials"] if t["state"] == "failed"]
    assert all("refused by " in reason for reason in failed), failed  # a runtime may not take what a trial made
    assert (found["verdict"] == "holds") == (done.returncode == 0)
    if case.quality != "accuracy" and case.net != "two-outputs":
        assert "accuracy" not in done.stdout + page.partition("<body>")[2]
    winner = next(t for t in found["trials"] if t["number"] == found["winner"])
    final = next(f for f in found["finals"] if f["number"] == found["winner"])
    assert final["quality"]["name"] == final["evaluated"]["name"] == case.quality
    built = edgekit(project, "build", "--target=small.solved", "--json")
    assert built.returncode in (0, 1), built.stderr
    report = json.loads(built.stdout)
    assert report["artifacts"][0]["sha256"] == winner["sha256"]
    whole, measured = shipped(report["measurements"]), shipped(winner["measurements"])
    exact = {key: value for key, value in measured.items() if key[0] not in QUALITY}
    assert {key: whole[key] for key in exact} == exact
    assert whole[case.quality, final["evaluated"]["runtime"]] == final["evaluated"]["value"]


@pytest.mark.slow
def test_what_a_recipe_excludes_stays_as_it_is(nets, tmp_path):
    case = Case(
        "time",
        "phone",
        '[recipe.channels]\nsparsity = 0.5\nprotect = []\nexclude = ["conv1d"]\n[recipe.cluster]\nexclude = ["dense"]\n'
        '[budget]\naccuracy_drop = "90 %"\ndownload_size = "9 KiB"\n[solve]\nepochs = 1\n'
        'techniques = ["channels", "cluster"]\n',
        trials=3,
    )
    project = prepared(nets, case, tmp_path / "project")
    check(project, case)
    recipes = [t["recipe"] for t in json.loads((project / "build/solve/small/net/solve.json").read_text())["trials"]]
    widths = [recipe["channels"] for recipe in recipes if "channels" in recipe]
    assert widths and all({*one["widths"]} == {"conv1d_1"} and one["exclude"] == ["conv1d"] for one in widths)
    assert all(recipe["cluster"]["exclude"] == ["dense"] for recipe in recipes if "cluster" in recipe)
    done = typed(project, "solve", "--target=small", '--set=recipe.channels.exclude=["conv"]')
    assert done.returncode == 2 and 'recipe.channels.exclude: no layer with weights matches "conv"' in done.stderr


@pytest.mark.parametrize(
    ("model", "why"),
    [("net.tflite", "it is a TensorFlow Lite file"), ("saved", "a SavedModel is a graph without layers")],
)
def test_what_cannot_be_trained_is_refused_in_one_line(tmp_path, model, why):
    program = (
        "import keras, numpy, tensorflow as tf\n"
        "numpy.savez('data.npz', x=numpy.random.rand(400, 4).astype('float32'), y=numpy.arange(400) % 2)\n"
        "net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])\n"
        "net.export('saved', verbose=False)\n"
        "open('net.tflite', 'wb').write(tf.lite.TFLiteConverter.from_saved_model('saved').convert())\n"
    )
    assert run([sys.executable, "-c", program], tmp_path).returncode == 0
    done = typed(tmp_path, "solve", "--target=microcontroller", f"--model={model}", "--data=data.npz", "--trials=1")
    assert done.returncode == 2 and done.stderr.strip().endswith(
        f"nothing to search: it cannot be trained, because {why}"
    )
    assert len(done.stderr.splitlines()) == 1
