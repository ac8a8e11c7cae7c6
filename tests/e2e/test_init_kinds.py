"""`edgekit init` with models that are no picture classifiers with labels."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from command_line import edgekit, run

from edgekit.config import tomllib

MAKER = Path(__file__).with_name("make_kinds.py")


class Made(NamedTuple):
    started: dict
    entry: dict
    target: dict

    @property
    def limits(self):
        return {name: limit for name, limit in self.target["budget"].items() if name != "levels"}


@pytest.fixture(scope="module")
def kinds(once):
    def fill(folder):
        done = run([sys.executable, str(MAKER), str(folder)], folder)
        assert done.returncode == 0, done.stderr

    return once("kinds", fill)


@pytest.fixture
def initialised(kinds, tmp_path):
    def make(kind, model="net.keras", data="data.npz", device="phone"):
        folder = tmp_path / kind
        if (kinds / kind).is_dir():
            shutil.copytree(kinds / kind, folder)
        done = edgekit(folder, "init", f"--model={model}", f"--data={data}", f"--target={device}", "--json")
        assert done.returncode == 0, done.stderr
        project = tomllib.loads((folder / "pyproject.toml").read_text())
        [entry] = project["tool"]["edgekit"]["models"].values()
        return Made(json.loads(done.stdout), entry, tomllib.loads((folder / f"targets/{device}.toml").read_text()))

    return make


@pytest.mark.slow
def test_a_recipe_that_takes_too_much_is_left_out(initialised):
    made = initialised("text")
    assert made.target["recipe"] == {"prune": False}
    assert float(made.limits["accuracy"].removesuffix(" %")) > 85 and not made.started["broken"]


@pytest.mark.slow
def test_numbers_are_held_by_their_mean_absolute_error(initialised):
    made = initialised("regression")
    assert made.entry["metric"] == "mae" and {"metric_max", "metric_loss"} <= {*made.limits}
    assert not {"accuracy", "accuracy_drop"} & {*made.limits}
    assert made.target["budget"]["levels"] == {"accuracy_drop": "off"} and not made.started["broken"]


@pytest.mark.slow
def test_classes_in_another_order_are_said_and_not_taken_for_a_scale(initialised):
    made = initialised("swapped", data="data")
    assert "preprocessing" not in made.entry
    assert any("in another order" in note for note in made.started["notes"])
    assert "skill" in " ".join(made.started["broken"])


@pytest.mark.slow
def test_a_bare_tflite_without_data_has_limits_on_what_it_costs(initialised, shared, tmp_path):
    (tmp_path / "wand").mkdir()
    shutil.copy(shared / "models/tflite/magic_wand_int8.tflite", tmp_path / "wand/wand.tflite")
    made = initialised("wand", "wand.tflite", "random", "microcontroller")
    assert made.target["recipe"] == {"prune": False, "quantize": False}
    assert {*made.limits} == {
        "model_size",
        "download_size",
        "arena",
        "flash",
        "ram",
        "instructions",
        "latency",
        "macs",
    }
    assert any("accuracy is skipped" in note for note in made.started["notes"])
