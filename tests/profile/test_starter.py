"""Names of files say nothing but themselves in what init writes: no TOML, YAML or shell."""

import json
import subprocess
import sys

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from edgekit.compress.prune import Prune
from edgekit.config import tomllib
from edgekit.data.spec import Preprocessing
from edgekit.measure.headroom import ProposedLimit
from edgekit.profile.recipe import Recipe
from edgekit.profile.starter import (
    COMMANDS,
    DISTRIBUTION,
    GITHUB,
    GITLAB,
    INSTALL,
    Entry,
    Profile,
    Setting,
    adjusted,
    ignored_text,
    installed_from,
    pipelines,
    project_text,
    target_text,
)
from edgekit.quantize.settings import Quantize
from edgekit.types import ModelFacts

NASTY = ['a"b.keras', "a'b.keras", "a\nb.keras", "${{ github.token }}.keras", "$(touch x).keras", "a]#\\u0041\\.keras"]


def entry(text):
    return tomllib.loads(text)["tool"]["edgekit"]["models"]


@given(st.text(), st.text())
def test_any_path_is_read_back(model, data):
    assert entry(project_text(Entry("net", model, data))) == {"net": {"model": model, "data": data}}


@pytest.mark.parametrize("name", NASTY)
def test_a_path_that_means_something_elsewhere_is_read_back(name):
    assert entry(project_text(Entry("net", name, "x.npz")))["net"]["model"] == name


def test_what_is_not_as_usual_stands_in_the_table():
    scaled = Entry("a.b", "m.keras", "x.npz", Preprocessing(2 / 255, -1.0), "0 … 255 to -1 … 1", "mae")
    assert entry(project_text(scaled)) == {
        "a.b": {
            "model": "m.keras",
            "data": "x.npz",
            "preprocessing": {"scale": 2 / 255, "offset": -1.0},
            "metric": "mae",
        }
    }


def test_a_target_says_limits_and_settings_with_their_reasons():
    limit = ProposedLimit("model_size", "42 KiB", "37.6 KiB", "11 % left", "measured")
    settings = (
        Setting("recipe.prune", "epochs", 14, "few samples"),
        Setting("recipe", "cluster", False, "no"),
        Setting("budget.levels", "accuracy_drop", "off", "no labels"),
    )
    text = target_text(Profile("net-phone", "phone", settings, (limit,)))
    assert tomllib.loads(text) == {
        "extends": "phone",
        "recipe": {"cluster": False, "prune": {"epochs": 14}},
        "budget": {"model_size": "42 KiB", "levels": {"accuracy_drop": "off"}},
    }
    [line] = [line for line in text.splitlines() if line.startswith("model_size")]
    assert line.endswith("# 37.6 KiB measured; 11 % left")


@pytest.mark.parametrize(
    ("before", "more"), [("", ".edgekit/\nbuild/\n"), ("/build\n*.pyc\n", ".edgekit/\n"), (".edgekit\nbuild/\n", "")]
)
def test_lines_of_gitignore_are_added_once(before, more):
    assert ignored_text(before) == more


@pytest.mark.parametrize("simulated", [True, False])
def test_the_pipelines_run_the_same_commands(simulated):
    files = pipelines(simulated)
    github, gitlab = yaml.safe_load(files[GITHUB]), yaml.safe_load(files[GITLAB])
    run = [step["run"] for step in github["jobs"]["build"]["steps"] if "run" in step]
    script = gitlab["edgekit"]["script"]
    for commands in (run, script):
        assert commands[-len(COMMANDS) :] == [*COMMANDS]
        assert any("qemu-system-arm" in command for command in commands) == simulated
    assert github["env"] == {"EDGEKIT": "${{ vars.EDGEKIT }}"} and "variables" not in gitlab["edgekit"]
    assert gitlab["edgekit"]["artifacts"]["reports"]["junit"] == "build/*/*/junit.xml"


def test_without_an_address_the_installation_says_what_to_set():
    done = subprocess.run(["bash", "-c", INSTALL], capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"})
    assert done.returncode != 0 and "set the variable EDGEKIT" in done.stderr


@pytest.mark.parametrize(
    ("origin", "address"),
    [
        (
            {"url": "https://example.org/edgekit.git", "vcs_info": {"vcs": "git", "commit_id": "c0ffee"}},
            f"{DISTRIBUTION} @ git+https://example.org/edgekit.git@c0ffee",
        ),
        ({"url": "https://example.org/${{ x }}", "vcs_info": {"vcs": "git", "commit_id": "c0ffee"}}, ""),
        ({"url": "file:///home/someone/edgekit", "dir_info": {}}, ""),
        (None, ""),
    ],
)
def test_a_checkout_by_pip_names_where_it_came_from(tmp_path, origin, address):
    place = tmp_path / f"{DISTRIBUTION.replace('-', '_')}-1.dist-info"
    place.mkdir()
    (place / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {DISTRIBUTION}\nVersion: 1\n")
    if origin:
        (place / "direct_url.json").write_text(json.dumps(origin))
    sys.path.insert(0, str(tmp_path))
    try:
        assert installed_from() == address
        github = yaml.safe_load(pipelines(False)[GITHUB])
        assert github["env"]["EDGEKIT"] == (address or "${{ vars.EDGEKIT }}")
    finally:
        sys.path.remove(str(tmp_path))


RECIPE = Recipe(prune=Prune(sparsity=0.5, epochs=2), quantize=Quantize(calibration_samples=256))


def settings(form, samples):
    facts = ModelFacts(form, "keras 3", (), (), 3, 100)
    return {(s.table, s.key): s.value for s in adjusted(RECIPE, facts, samples)}


@pytest.mark.parametrize(
    ("form", "samples", "wanted"),
    [
        ("keras", 8000, {}),
        ("keras", 900, {("recipe.prune", "epochs"): 14}),
        ("keras", 100, {("recipe.prune", "epochs"): 100, ("recipe.quantize", "calibration_samples"): 100}),
        ("float", 100, {("recipe", "prune"): False, ("recipe.quantize", "calibration_samples"): 100}),
        ("int8", 100, {("recipe", "prune"): False, ("recipe", "quantize"): False}),
    ],
)
def test_a_device_s_recipe_is_made_to_fit_the_model_and_its_samples(form, samples, wanted):
    assert settings(form, samples) == wanted


def test_a_recipe_that_was_made_to_fit_has_no_more_to_say():
    epochs = settings("keras", 900)["recipe.prune", "epochs"]
    assert RECIPE.prune.too_short("prune", 900) and not Prune(sparsity=0.5, epochs=epochs).too_short("prune", 900)
