"""edgekit's own files, damaged in every way, under every command that reads them: one line, and nothing made."""

import json
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from edgekit.tasks import namespace
from edgekit.tasks.program import CommandLine

BUILD = Path("build/phone/digits")


@pytest.fixture(scope="module")
def kept(cold, tmp_path_factory):
    """A project with a build and a baseline, whose files are damaged and restored in turn."""
    folder = Path(
        shutil.copytree(cold, tmp_path_factory.mktemp("damage") / "project", ignore=shutil.ignore_patterns("work"))
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run("baseline", "save", "v1")
    return folder


def run(*arguments):
    """The command in this process, which is sooner there than another."""
    CommandLine(name="edgekit", namespace=namespace).run(["edgekit", *arguments], exit=False)


def one_line(said, *words):
    """What was printed is one line of a fault that was foreseen."""
    assert said.err.startswith("edgekit: ") and len(said.err.splitlines()) == 1, said
    assert "unexpected" not in said.err and all(word in said.err for word in words), said


def without(*path):
    """The JSON of a file without one of its values."""

    def edit(content):
        whole = json.loads(content)
        inner = whole
        for key in path[:-1]:
            inner = inner[key]
        del inner[path[-1]]
        return json.dumps(whole).encode()

    return edit


def other(value, *path):
    def edit(content):
        whole = json.loads(content)
        inner = whole
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = value
        return json.dumps(whole).encode()

    return edit


ANY = {
    "empty": lambda content: b"",
    "cut short": lambda content: content[: len(content) // 2],
    "no text": lambda content: b"\xff\xfe\x00" * 100,
    "text that is no UTF-8": lambda content: content.replace(b'"', b'"\xff', 5),
    "UTF-16": lambda content: content.decode("latin-1").encode("utf-16"),
    "a list": lambda content: b"[]",
    "a number": lambda content: b"7",
    "nothing in it": lambda content: b"{}",
    "deep": lambda content: b'{"schema":' + b"[" * 100_000,
    "another schema": lambda content: b'{"schema": "edgekit.other/9"}',
}
MANIFEST = ANY | {
    "one input": without("inputs", 1),
    "no model": lambda content: without("outputs", 0)(without("subject", 0)(content)),
    "a path upwards": other("../../../../secret", "outputs", 0, "path"),
    "an absolute path": other("/etc/passwd", "outputs", 0, "path"),
    "an output twice": lambda content: other(json.loads(content)["outputs"][1]["path"], "outputs", 0, "path")(content),
    "a wrong type": other("many", "outputs", 0, "bytes"),
    "no statement": other([], "subject"),
}
REPORT = ANY | {"no model": other([], "artifacts"), "a wrong type": other("slow", "measurements", 0, "value")}
BASELINE = ANY | {
    "no model": other([], "releases", "phone/digits", "report", "artifacts"),
    "a wrong key": lambda content: content.replace(b'"phone/digits"', b'"phone"'),
    "a wrong type": other(7, "releases", "phone/digits", "settings"),
}
TAKING = (("check",), ("release", "--out=r.zip"), ("baseline", "save", "v9"))
READING = (("baselines",), ("build", "--target=phone", "--baseline=v1"), ("check", "--target=phone", "--baseline=v1"))
CASES = {
    f"{place.name}: {name}": (place, edit, commands)
    for place, edits, commands in (
        (BUILD / "manifest.json", MANIFEST, TAKING),
        (BUILD / "report.json", REPORT, TAKING),
        (Path("baselines/v1.json"), BASELINE, READING),
    )
    for name, edit in edits.items()
}


@pytest.fixture
def project(kept, monkeypatch):
    monkeypatch.chdir(kept)
    return kept


@pytest.mark.parametrize(("place", "edit", "commands"), CASES.values(), ids=CASES)
def test_a_damaged_file_is_one_line(project, capsys, place, edit, commands):
    whole, build = place.read_bytes(), Path("build")
    place.write_bytes(edit(whole))
    damaged = place.read_bytes()
    try:
        for command in commands:
            run(*command)
            said = capsys.readouterr()
            if command[0] == "check" and place.is_relative_to(build):
                assert "phone: digits: fail" in said.out and "Traceback" not in said.out
            else:
                one_line(said, place.name)
                assert "build" in said.err or "restore" in said.err
            assert place.read_bytes() == damaged
            assert not Path("r.zip").exists() and not Path("baselines/v9.json").exists()
    finally:
        place.write_bytes(whole)


@pytest.mark.parametrize("place", [BUILD / "manifest.json", BUILD / "report.json", Path("baselines/v1.json")], ids=str)
def test_a_folder_in_its_place_is_one_line(project, capsys, place):
    whole = place.read_bytes()
    place.unlink()
    place.mkdir()
    try:
        for command in READING if place.parent.name == "baselines" else TAKING[1:]:
            run(*command)
            said = capsys.readouterr()
            one_line(said, place.name)
    finally:
        place.rmdir()
        place.write_bytes(whole)


@pytest.mark.parametrize("name", ["empty", "cut short", "no text", "a list", "nothing in it", "deep"])
def test_names_of_tensors_that_are_damaged_are_done_without(project, capsys, name):
    place = BUILD / "model.names.json"
    whole = place.read_bytes()
    place.write_bytes(ANY[name](whole))
    try:
        run("inspect", str(BUILD / "model.tflite"), "--json")
        said = capsys.readouterr()
        assert json.loads(said.out)["parameters"] and not said.err
    finally:
        place.write_bytes(whole)


def golden_without(name):
    def edit(place):
        with np.load(place) as file:
            np.savez(place, **{key: file[key] for key in file.files if not key.startswith(name)})

    return edit


GOLDEN = {
    "empty": lambda place: place.write_bytes(b""),
    "cut short": lambda place: place.write_bytes(place.read_bytes()[:1000]),
    "no archive": lambda place: place.write_bytes(b"hello"),
    "a bit": lambda place: place.write_bytes(place.read_bytes().replace(b"PK\1\2", b"PK\7\7", 1)),
    "no outputs": golden_without("output_"),
    "one number": lambda place: np.savez(place, output_0=np.int8(1)),
    "objects": lambda place: np.savez(place, output_0=np.asarray([{}], object)),
}


@pytest.mark.parametrize("damage", GOLDEN.values(), ids=GOLDEN)
def test_golden_vectors_that_are_damaged_are_one_line(project, capsys, damage):
    place, outputs = BUILD / "golden.npz", Path("outputs.npz")
    whole = place.read_bytes()
    outputs.write_bytes(whole)
    damage(place)
    try:
        run("verify", str(BUILD), f"--outputs={outputs}")
        said = capsys.readouterr()
        one_line(said, "golden.npz")
    finally:
        place.write_bytes(whole)


def database(*statements):
    def make(place):
        place.unlink()
        with sqlite3.connect(place) as made:
            for statement in statements:
                made.execute(statement)
        made.close()

    return make


BUILDS = "CREATE TABLE builds (id INTEGER PRIMARY KEY, time, target, model, verdict, sha256, overrides, machine)"
FIGURES = "CREATE TABLE figures (build, name, runtime, value, low, high, unit)"
ROW = "INSERT INTO builds VALUES (1, 0.0, 'phone', 'digits', 'pass', '0', '', '')"
HISTORY = {
    "no database": lambda place: place.write_bytes(b"hello" * 1000),
    "damaged": lambda place: place.write_bytes(b"SQLite format 3\0" + b"x" * 5000),
    "cut short": lambda place: place.write_bytes(place.read_bytes()[:5000]),
    "another schema": database("CREATE TABLE builds (id INTEGER PRIMARY KEY, day TEXT)"),
    "text for a number": database(BUILDS, FIGURES, ROW, "INSERT INTO figures VALUES (1, 'a', '', 'x', 1, 1, '1')"),
    "bytes for a text": database(BUILDS, FIGURES, ROW, "INSERT INTO figures VALUES (1, x'ff', '', 1.0, 1, 1, '1')"),
    "a build without a time": database(BUILDS, FIGURES, ROW.replace("0.0", "NULL")),
    "no UTF-8": database(BUILDS, FIGURES, ROW.replace("'pass'", "CAST(x'ff' AS TEXT)")),
    "a folder": lambda place: (place.unlink(), place.mkdir()),
}


@pytest.mark.parametrize("damage", HISTORY.values(), ids=HISTORY)
def test_a_history_that_is_damaged_is_one_line(project, capsys, damage):
    place = project / ".edgekit/history.sqlite"
    whole = place.read_bytes()
    damage(place)
    try:
        run("history")
        said = capsys.readouterr()
        one_line(said, "history.sqlite", "move it away")
    finally:
        place.rmdir() if place.is_dir() else place.unlink()
        place.write_bytes(whole)


@pytest.mark.parametrize("damage", HISTORY.values(), ids=HISTORY)
def test_a_build_goes_on_with_a_new_history(project, capsys, damage):
    place = project / ".edgekit/history.sqlite"
    whole = place.read_bytes()
    damage(place)
    damaged = None if place.is_dir() else place.read_bytes()
    run("build", "--target=phone")
    said = capsys.readouterr()
    (aside,) = project.glob(".edgekit/history.damaged-*.sqlite")
    try:
        assert "digits: pass" in said.out
        assert said.err.startswith("note: ") and len(said.err.splitlines()) == 1, said.err
        assert "history.sqlite: the history is damaged" in said.err and aside.name in said.err
        assert aside.is_dir() if damaged is None else aside.read_bytes()[:16] == damaged[:16]
        run("history", "--json")
        assert json.loads(capsys.readouterr().out)["verdict"] == "pass"
        run("clean", "--out=nowhere")
        assert aside.exists()
    finally:
        aside.rmdir() if aside.is_dir() else aside.unlink()
        place.write_bytes(whole)


@pytest.mark.parametrize("json_only", [False, True])
def test_a_build_goes_on_without_a_history_that_is_locked(project, capsys, monkeypatch, json_only):
    monkeypatch.setattr("edgekit.records.history.PATIENCE", 0.1)
    place = project / ".edgekit/history.sqlite"
    whole = place.read_bytes()
    holder = sqlite3.connect(place)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        run("build", "--target=phone", *["--json"] * json_only)
    finally:
        holder.close()
    said = capsys.readouterr()
    assert json.loads(said.out)["verdict"] == "pass" if json_only else "digits: pass" in said.out
    assert said.err.startswith("note: ") and len(said.err.splitlines()) == 1 and "locked" in said.err
    assert place.read_bytes() == whole and not [*project.glob(".edgekit/history.damaged*")]


def test_memory_in_the_store_that_is_damaged_is_made_anew(project, capsys):
    for file in [*project.glob(".edgekit/last/*.json"), *project.glob(".edgekit/*.json")]:
        file.write_bytes(b'{"key": "\xff"}')
    results = sorted(project.glob(".edgekit/results/*/*.json"))
    results[0].write_bytes(b"\xff")
    run("build", "--target=phone")
    said = capsys.readouterr()
    assert "digits: pass" in said.out and "Traceback" not in said.err
