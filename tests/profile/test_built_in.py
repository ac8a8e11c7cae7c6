"""The profiles that edgekit brings: of devices, with what those have, and honest where nothing simulates one."""

import re
from pathlib import Path

import pytest
from msgspec.structs import fields

from edgekit.firmware.cores import CORES, UNSIMULATED
from edgekit.measure.limits import LIMITS, Budget
from edgekit.profile.known import built_in, known_targets, layers
from edgekit.profile.profiles import load_pairs, load_target
from edgekit.profile.project import find_project, select_models
from edgekit.types import Reading

ROOT = Path(__file__).parents[2]
NAMES = sorted(known_targets([built_in()]))
PROCESSORS = {
    "android-new": "cortex-x3",
    "android-old": "cortex-a53",
    "camera": "cortex-a53",
    "camera-u55": "cortex-m55",
    "cortex-m0plus": "cortex-m0plus",
    "cortex-m7": "cortex-m7",
    "esp32-c3": "riscv32imc",
    "microcontroller": "cortex-m4f",
    "phone": "cortex-a76",
    "raspberry-pi-4": "cortex-a72",
    "watch": "cortex-m33",
}
OF_MODELS = {"download_size", "latency", "instructions", "macs", "accuracy", "churn", "npu_coverage", "resident_memory"}
"""Limits that no device has by itself."""


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_says_what_the_device_has_and_limits_nothing_else(name):
    target = load_target(name, [built_in()])
    hardware, limits = target.hardware, target.budget.limits
    assert hardware.cpu == PROCESSORS[name] and hardware.clock and hardware.ram and target.description
    assert target.recipe.quantize.calibration_samples >= 100 and limits.pop("accuracy_drop") == 1
    assert not OF_MODELS & limits.keys() and not target.budget.on_host
    has = {"flash": hardware.flash, "model_size": hardware.flash, "ram": hardware.ram, "arena": hardware.ram}
    assert limits == {limit: has[limit] for limit in limits}


@pytest.mark.parametrize("name", sorted({*NAMES} - {"camera", "camera-u55", "microcontroller", "phone"}))
def test_what_a_certain_device_has_comes_from_a_source(name):
    assert re.search(r'^# Source: \w.*"', (built_in() / f"{name}.toml").read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", NAMES)
def test_the_reference_model_can_be_built_for_it(name):
    project = find_project(ROOT)
    [(spec, target)] = load_pairs(project, select_models(project, "digits", None, Reading()), [name])
    assert target.name == name and spec.name == "digits"
    if target.outputs.c_standalone:
        assert target.hardware.cpu in (*CORES, *UNSIMULATED)


def test_a_project_s_profile_extends_the_built_in_one_of_its_name(tmp_path):
    (tmp_path / "phone.toml").write_text('extends = "phone"\n[budget]\nmodel_size = "9 KiB"')
    (tmp_path / "tablet.toml").write_text('extends = "phone"\ndescription = "A tablet"')
    (tmp_path / "android-old.toml").write_text('extends = "android-old"\ndescription = "Ours"')
    folders = [tmp_path, built_in()]
    ours, theirs = (load_target("phone", place) for place in (folders, [built_in()]))
    assert (ours.budget.model_size, theirs.budget.model_size) == (9 * 1024, None)
    assert ours.recipe == theirs.recipe and load_target("tablet", folders).budget == ours.budget
    own = load_target("android-old", folders)
    assert own.budget == load_target("android-old", [built_in()]).budget, "what edgekit brings extends no project's"
    assert [path.parent for path, _ in layers("android-old", folders)] == [tmp_path, built_in(), built_in()]


def test_every_limit_of_a_model_is_one_of_the_budget():
    assert OF_MODELS <= LIMITS.keys() <= {field.name for field in fields(Budget)}
