"""Releases kept, builds held against them, what changed, and the record of builds."""

import json
import shutil
import sqlite3

import pytest
from command_line import edgekit, rebuilt, typed, verbose_build
from refusal import assert_refused

RELATIVE = ('--set=budget.model_size="+0 B"', '--set=budget.latency="+50 %"', '--set=budget.accuracy_drop="+5 %"')


@pytest.fixture(scope="module")
def kept(once, cold):
    """A project whose phone build was saved as v1, and built with more sparsity against it. Not to be changed."""

    def fill(folder):
        shutil.copytree(cold, folder, dirs_exist_ok=True)
        done = typed(folder, "baseline", "save", "v1")
        assert done.returncode == 0, done.stderr
        sparser = "--set=recipe.prune.sparsity=0.8"
        done = edgekit(folder, "build", "--target=phone", "--baseline=v1", "--out=next", sparser, *RELATIVE)
        (folder / "stdout").write_text(done.stdout + done.stderr)

    return once("kept", fill)


@pytest.fixture
def project(kept, tmp_path):
    """The same, to be changed."""
    return shutil.copytree(kept, tmp_path / "project")


def refuse(project, options, words):
    shutil.rmtree(project / "build")  # of a refused build there is none
    assert_refused(typed(project, "build", *options), project, *words)


def report(folder):
    return json.loads((folder / "phone/digits/report.json").read_bytes())


def test_a_baseline_is_a_text_that_git_can_compare_and_the_files(kept):
    text = (kept / "baselines/v1.json").read_text()
    assert json.loads(text)["schema"] == "edgekit.baseline/1" and text.count("\n") > 100
    assert str(kept) not in text
    shipped = (kept / "build/phone/digits/model.tflite").read_bytes()
    assert (kept / "baselines/v1/phone/digits.tflite").read_bytes() == shipped
    assert "v1" in typed(kept, "baselines").stdout


def test_limits_against_the_baseline_are_judged(kept):
    built = report(kept / "next")
    lines = {line["name"]: line for line in built["budget"]}
    assert built["baseline"]["name"] == "v1", (kept / "stdout").read_text()
    assert lines["model_size"]["verdict"] == "pass" and "baseline" in lines["model_size"]["reason"]
    assert lines["latency"]["unit"] == "%" and lines["latency"]["low"] <= lines["latency"]["value"]
    assert lines["accuracy_drop"]["verdict"] == "pass"
    changed = {m["name"]: m for m in built["measurements"]}
    assert "McNemar" in changed["accuracy_drop_change"]["reason"]
    assert any(m["artifact"] == "baseline" and m["name"] == "latency_p50" for m in built["measurements"])


def test_a_second_build_against_it_makes_nothing(project):
    options = ("--target=phone", "--baseline=v1", "--out=next", "--set=recipe.prune.sparsity=0.8", *RELATIVE)
    typed(project, "build", *options)  # after which the report says that all was found
    before = {p: p.stat().st_mtime_ns for p in (project / "next").rglob("*")}
    done = verbose_build(project, *options)
    assert rebuilt(done.stdout) == []
    assert {p: p.stat().st_mtime_ns for p in (project / "next").rglob("*")} == before


def test_remeasure_times_again_and_builds_nothing(project):
    done = verbose_build(project, "--target=phone", "--remeasure")
    made = rebuilt(done.stdout)
    assert made == ["time"] and "measured again" in done.stdout


def test_compare_says_what_changed_and_why(kept):
    done = typed(kept, "compare", "v1", "next/phone/digits", "--json")
    found = json.loads(done.stdout)
    figures = {figure["name"]: figure for figure in found["figures"]}
    assert figures["download_size"]["after"] < figures["download_size"]["before"]
    assert figures["latency_p50"]["note"] == "same rounds" and "…" in figures["latency_p50"]["by_interval"]
    assert figures["accuracy"]["note"] == "same samples" and figures["accuracy"]["limits"] == ["≥ 97.50 %"] * 2
    assert {"kind": "setting", "what": "recipe.prune.sparsity 0.5 → 0.8", "bytes": 0} in found["reasons"]
    said = typed(kept, "compare", "v1/phone/digits", "build/phone/digits").stdout
    assert "the same file" in said and "why" not in said


def test_compare_explains_every_byte_between_two_files(kept, shared):
    pair = [shared / "models/tflite" / f"{name}_int8.tflite" for name in ("hello_world", "magic_wand")]
    found = json.loads(typed(kept, "compare", *map(str, pair), "--json").stdout)
    grown = pair[1].stat().st_size - pair[0].stat().st_size
    assert sum(reason["bytes"] for reason in found["reasons"]) == grown
    assert {reason["kind"] for reason in found["reasons"]} == {"operator", "layer", "rest"}


def test_history_holds_every_build_that_was_another(project):
    def entries():
        return json.loads(typed(project, "history", "--target=phone", "--json").stdout)

    before = entries()
    assert before[0]["overrides"] == "" and "sparsity=0.8" in before[-1]["overrides"]
    assert before[0]["figures"]["model_size"]["value"] == (project / "build/phone/digits/model.tflite").stat().st_size
    typed(project, "build", "--target=phone")
    typed(project, "build", "--target=phone")
    assert len(entries()) == len(before) + 1
    typed(project, "clean", "--cache")
    assert len(entries()) == len(before) + 1
    assert "sparsity=0.8" in typed(project, "history").stdout


def test_a_history_that_is_damaged_or_locked_is_said(project):
    file = project / ".edgekit/history.sqlite"
    holder = sqlite3.connect(file)
    holder.execute("BEGIN EXCLUSIVE")
    done = typed(project, "history")
    holder.close()
    assert done.returncode == 2 and "locked" in done.stderr and "Traceback" not in done.stderr
    file.write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    done = typed(project, "history")
    assert done.returncode == 2 and "damaged" in done.stderr and file.read_bytes().startswith(b"SQLite")


def test_the_gate_wants_the_baseline_of_the_project(project):
    with (project / "pyproject.toml").open("a") as file:
        file.write('\n[tool.edgekit]\nbaseline = "v1"\n')
    done = typed(project, "check", "--target=phone")
    assert done.returncode == 1 and "not compared with the baseline v1" in done.stdout
    assert typed(project, "build", "--target=phone").returncode == 0
    done = typed(project, "check", "--target=phone")
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_the_gate_builds_again_and_finds_the_same_bytes(project):
    done = typed(project, "check", "--target=phone", "--rebuild")
    assert (done.returncode, done.stdout) == (0, "phone: digits: pass\n")


def test_warnings_and_waivers_pass_the_gate_and_stay_in_the_report(project):
    file = project / "pyproject.toml"
    table = "tool.edgekit.models.digits.budgets.phone"
    waivers = f'[[{table}.waivers]]\nname = "macs"\nreason = "new sensor"\nuntil = 2999-12-31\n'
    limits = 'levels = { download_size = "warn" }\nmacs = "1 k"\n'
    text = file.read_text().replace("budgets.phone]\n", f"budgets.phone]\n{limits}").replace('"28 KiB"', '"1 KiB"')
    file.write_text(f"{text}\n{waivers}")
    done = typed(project, "build", "--target=phone")
    assert done.returncode == 0, done.stdout
    for text in (done.stdout, (project / "build/phone/digits/report.md").read_text()):
        assert "waived: new sensor (until 2999-12-31)" in text and "warning only" in text
    assert typed(project, "check", "--target=phone").returncode == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--baseline=v9"], ["v9.json", 'no baseline "v9"', '"v1"']),
        (["--baseline=../v1"], ["--baseline=../v1", "letters"]),
        (["--baseline=v1", "--target=camera"], ["v1.json", "digits for camera", "phone/digits"]),
    ],
)
def test_a_baseline_that_does_not_fit_is_refused(project, options, words):
    options = options if any("target" in o for o in options) else ["--target=phone", *options]
    refuse(project, [*options, "--out=other"], words)
    assert not (project / "other").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"schema": "edgekit.baseline/9", "releases": {}}', ["v1.json", "not a baseline of this edgekit"]),
        ("{", ["v1.json", "not a baseline of this edgekit"]),
    ],
)
def test_a_baseline_of_another_schema_is_refused(project, content, words):
    (project / "baselines/v1.json").write_text(content)
    refuse(project, ["--target=phone", "--baseline=v1"], words)


def test_a_baseline_s_file_that_was_changed_is_refused_and_one_that_is_gone_is_said(project):
    file = project / "baselines/v1/phone/digits.tflite"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    refuse(project, ["--target=phone", "--baseline=v1"], ["digits.tflite", "not the file"])
    file.unlink()
    done = typed(project, "build", "--target=phone", "--baseline=v1", '--set=budget.latency="+5 %"', "--json")
    assert done.returncode == 0, done.stderr
    [line] = [line for line in json.loads(done.stdout)["budget"] if line["name"] == "latency"]
    assert line["verdict"] == "inconclusive" and "not timed" in line["reason"]


def test_a_build_that_was_changed_is_no_release(project):
    (project / "build/phone/digits/report.json").open("a").write("\n")
    done = typed(project, "baseline", "save", "v2")
    assert done.returncode == 2 and "changed since it was built" in done.stderr
    assert not (project / "baselines/v2.json").exists()
