"""A search as a person runs it, on the demo with trainings that are as short as they can be."""

import json
import re
import shutil
import signal
import subprocess
import sys

import pytest
from command_line import ENVIRONMENT, edgekit

SMALL = """extends = "microcontroller"

[recipe.quantize]
calibration_samples = 64

[budget]
accuracy = "80 %"
accuracy_drop = "20 %"
model_size = "20 KiB"

[solve]
minimize = "model_size"
epochs = 1
techniques = ["channels", "distil"]
"""


def solve(project, *arguments: str):
    return edgekit(project, "solve", "--target=small", *arguments)


def found(project) -> dict:
    return json.loads((project / "build" / "solve" / "small" / "digits" / "solve.json").read_text())


def outcomes(solution: dict) -> list[tuple]:
    return [(t["number"], t["choices"], t["state"], t["sha256"]) for t in solution["trials"]]


@pytest.fixture(scope="module")
def solved(once, cold):
    """A project in which three trials were made."""

    def fill(folder):
        shutil.copytree(cold, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("work"))
        (folder / "targets" / "small.toml").write_text(SMALL)
        done = solve(folder, "--trials=3")
        assert done.returncode == 0, done.stderr
        (folder / "printed").write_text(done.stdout)

    return once("solved", fill)


@pytest.fixture
def project(solved, tmp_path):
    return shutil.copytree(solved, tmp_path / "project")


def test_the_build_is_the_very_file_that_was_measured(project):
    solution = found(project)
    assert (project / "printed").read_text().splitlines()[-1] == "next: edgekit build --target=small.solved"
    [winner] = [t for t in solution["trials"] if t["number"] == solution["winner"]]
    done = edgekit(project, "build", "--target=small.solved", "--json")
    report = json.loads(done.stdout)
    assert report["artifacts"][0]["sha256"] == winner["sha256"]
    built = {m["name"]: m["value"] for m in reversed(report["measurements"]) if m["artifact"] == "model"}
    searched = {m["name"]: m["value"] for m in reversed(winner["measurements"])}
    same = ("model_size", "arena", "flash", "ram", "instructions", "macs", "download_size")
    assert {name: built[name] for name in same} == {name: searched[name] for name in same}
    evaluated = next(f["evaluated"] for f in solution["finals"] if f["number"] == winner["number"])
    assert built["accuracy"] == evaluated["value"]
    stages = {stage["name"]: stage["status"] for stage in report["stages"]}
    assert stages["distil"] == "cached"


def test_nothing_above_a_limit_was_trained_and_nothing_below_it_was_dropped(solved):
    for trial in found(solved)["trials"]:
        sizes = [m["value"] for m in trial["measurements"] if m["name"] == "model_size"]
        assert (trial["state"] == "dropped") == (sizes[0] > 20 * 1024), trial
        assert (trial["epochs"] == 0) == (trial["state"] in ("dropped", "beaten"))


def test_the_profile_says_what_each_choice_is_for(solved):
    text = (solved / "targets" / "small.solved.toml").read_text()
    assert text.startswith("# small, solved for the least model_size: trial ")
    assert 'extends = "small"' in text and "widths = {" in text and "# the channels that each layer keeps" in text


def test_the_page_has_every_trial_and_no_script(solved):
    page = (solved / "build" / "solve" / "small" / "digits" / "solve.html").read_text()
    row = r'<tr(?: class="won")?><th scope="row">\d+</th><td>(?:trained|dropped|beaten|stopped)'
    assert len(re.findall(row, page)) == 3
    assert "Why it won" in page and "<script" not in page and "http" not in page.replace("http-equiv", "")


def test_a_search_goes_on_as_if_it_had_not_ended(project, solved):
    again = solve(project, "--trials=4")
    assert again.returncode == 0, again.stderr
    assert "goes on from trial 3" in again.stdout
    longer = outcomes(found(project))
    assert longer[:3] == outcomes(found(solved))[:3] and len(longer) == 4
    forget(project)
    anew = solve(project, "--trials=4")
    assert "goes on" not in anew.stdout
    assert outcomes(found(project)) == longer


def forget(project):
    """Begins the search anew, though what its trials made is still in the store."""
    for journal in (project / ".edgekit" / "solve").iterdir():
        journal.unlink()


@pytest.mark.slow
def test_a_search_that_was_killed_goes_on_where_it_was(project, solved):
    forget(project)
    command = [sys.executable, "-m", "edgekit", "solve", "--target=small", "--trials=9"]
    with subprocess.Popen(command, cwd=project, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as running:
        assert any(line.startswith("  trial 2 ") for line in running.stdout)
        running.kill()  # in the middle of the next, which is the first to train
    done = solve(project, "--trials=4")
    assert "goes on from trial 3" in done.stdout
    assert outcomes(found(project))[:3] == outcomes(found(solved))


def test_an_interrupted_search_ends_with_what_is_there(project):
    forget(project)
    (project / "targets" / "small.solved.toml").unlink()
    command = [sys.executable, "-m", "edgekit", "solve", "--target=small", "--trials=9"]
    with subprocess.Popen(
        command,
        cwd=project,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as running:
        assert any(line.startswith("  trial 2 ") for line in running.stdout)
        running.send_signal(signal.SIGINT)
        printed = running.stdout.read()
    solution = found(project)
    assert 3 <= len(solution["trials"]) < 9
    assert (project / "targets" / "small.solved.toml").is_file() == (solution["winner"] is not None)
    assert "solve.html" in printed and running.returncode == int(solution["verdict"] != "holds")


@pytest.mark.slow
def test_an_impossible_budget_says_what_is_in_the_way_and_what_is_nearest(project):
    done = solve(project, "--trials=3", "--set=budget.model_size=3.2 KiB", "--set=solve.ranges.width=[0.2, 1.0]")
    assert done.returncode == 1
    solution = found(project)
    assert solution["verdict"] == "none" and solution["winner"] is None
    assert "model_size: no trial holds this limit" in done.stdout
    miss = solution["misses"][-1]
    assert re.search(r"model_size 3\.2 KiB wants [\d.]+ (?:B|KiB) more", miss["said"])
    size = next(m["value"] for m in miss["measurements"] if m["name"] == "model_size")
    (project / "miss.toml").write_text(recipe_toml(miss["recipe"]))
    built = edgekit(project, "build", "--target=small", "--recipe=miss.toml", "--set=recipe.prune=false", "--json")
    assert json.loads(built.stdout)["artifacts"][0]["bytes"] == size


def recipe_toml(recipe: dict) -> str:
    from edgekit.toml import written

    lines = ["[recipe]"]
    lines += [f"{name} = {written(value)}" for name, value in recipe.items()]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["solve.minimize=npu_cycles"], "solve.minimize: nothing here measures npu_cycles: set hardware.npu"),
        (["solve.techniques=[]"], "solve.techniques: nothing to choose"),
        (["solve.techniqes=[]"], 'solve.techniqes: unknown key; did you mean "techniques"?'),
        (["solve.time=5"], "5 has no unit of time"),
    ],
)
def test_a_wrong_setting_is_one_line(project, overrides, words):
    done = solve(project, *(f"--set={o}" for o in overrides))
    assert done.returncode == 2 and words in done.stderr and len(done.stderr.strip().splitlines()) == 1
