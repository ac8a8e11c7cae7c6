"""The record of builds, and how it is shown."""

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from small_reports import report

from edgekit.commands.history import BARS, print_history, trend, write_history
from edgekit.profile.project import Project
from edgekit.records.history import FILE, read_history, record
from edgekit.report.types import Commit
from edgekit.types import Measurement

EVIL = "x\x1b[31m\n| `@me`"
OLD = """
CREATE TABLE builds (
    id INTEGER PRIMARY KEY, time REAL NOT NULL, target TEXT NOT NULL, model TEXT NOT NULL, verdict TEXT NOT NULL,
    sha256 TEXT NOT NULL, overrides TEXT NOT NULL, machine TEXT NOT NULL);
CREATE TABLE figures (
    build INTEGER NOT NULL REFERENCES builds, name TEXT NOT NULL, runtime TEXT NOT NULL, value REAL NOT NULL,
    low REAL, high REAL, unit TEXT NOT NULL);
INSERT INTO builds VALUES (1, 1700000000.0, 'phone', 'digits', 'pass', 'aa', '', 'cpu');
INSERT INTO figures VALUES (1, 'model_size', '', 40000, NULL, NULL, 'B');
"""


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path, {}, [])


def fail(said):
    raise AssertionError(said)


def built(size, shipped, sha="", clean=True, **more):
    commit = Commit(sha, "2026-11-01 10:00 +0000", clean) if sha else None
    return report(size=size, shipped=shipped, commit=commit, **more)


def test_each_commit_says_what_it_changed(project, capsys):
    for one in (built(40_000, "2", "a" * 40), built(45_000, "3", "b" * 40, clean=False), built(39_000, "4", "c" * 40)):
        record(project, one, fail)
    entries = read_history(project, None, None, 20)
    assert [entry.commit for entry in entries] == ["a" * 40, "b" * 40 + "+", "c" * 40]
    print_history(entries, every=False)
    said = capsys.readouterr().out
    assert "phone: digits: 3 builds, the last one pass" in said
    rows = {line.split()[2]: line for line in said.splitlines() if line.startswith("20")}
    assert "the first one" in rows["aaaaaaaa"]
    assert "fail" in rows["bbbbbbbb+"] and "model_size +4.9 KiB, +12 %" in rows["bbbbbbbb+"]
    assert "model_size -5.9 KiB, -13 %" in rows["cccccccc"]
    (figure,) = (line for line in said.splitlines() if line.startswith("model_size"))
    assert "▂█▁" in figure and "better" in figure and "accuracy" not in said


def test_a_build_that_is_the_same_again_changes_nothing(project):
    record(project, built(40_000, "2", "a" * 40), fail)
    record(project, built(40_000, "2", "b" * 40), fail)
    assert [entry.commit for entry in read_history(project, None, None, 20)] == ["a" * 40]


def test_a_record_of_before_commits_is_carried_on(project, capsys):
    project.store.mkdir()
    with sqlite3.connect(project.store / FILE) as database:
        database.executescript(OLD)
    assert [entry.commit for entry in read_history(project, None, None, 20)] == [""]
    record(project, built(45_000, "3", "b" * 40), fail)
    entries = read_history(project, None, None, 20)
    assert [entry.commit for entry in entries] == ["", "b" * 40]
    print_history(entries, every=False)
    assert "model_size +4.9 KiB, +12 %" in capsys.readouterr().out


def test_models_and_targets_stand_apart(project, capsys):
    for target, model in (("phone", "a"), ("watch", "a"), ("phone", "b")):
        record(project, report(target, model), fail)
    print_history(read_history(project, None, None, 20), every=True)
    said = capsys.readouterr().out
    assert all(f"{name}: 1 build, the last one pass" in said for name in ("phone: a", "watch: a", "phone: b"))
    assert len(read_history(project, "phone", "a", 20)) == 1


def test_whatever_is_limited_or_of_the_device_is_recorded(project):
    measured = [
        Measurement("model_size", 40_000, "B"),
        Measurement("npu_cycles", 7, "1", "simulated", "vela 5.2"),
        Measurement("fidelity", 99, "%"),
        Measurement("nonzero", 5, "1"),
    ]
    record(project, replace(report(), measurements=measured), fail)
    (entry,) = read_history(project, None, None, 20)
    assert entry.figures.keys() == {"model_size", "npu_cycles", "fidelity"}


def test_no_name_reaches_the_terminal_as_it_is(project, capsys):
    record(project, report(EVIL, EVIL), fail)
    print_history(read_history(project, None, None, 20), every=True)
    assert "\x1b" not in capsys.readouterr().out


def test_the_page_has_a_chart_for_what_changed_and_no_markup_of_names(project, tmp_path):
    names = {"target": "<script>x</script>", "model": "m"}
    for size, shipped in ((40_000, "2"), (45_000, "3"), (39_000, "4")):
        record(project, built(size, shipped, "a" * 40, **names), fail)
    write_history(read_history(project, None, None, 20), tmp_path / "h.html")
    page = (tmp_path / "h.html").read_text()
    assert page.count("<svg") == 1 and page.count("<circle") == 3 and "<script" not in page
    assert "model_size +4.9 KiB, +12 %" in page and "aaaaaaaa" in page
    write_history([], tmp_path / "h.html")
    assert "No builds are recorded" in (tmp_path / "h.html").read_text()


def test_an_empty_record_says_so(capsys):
    print_history([], every=False)
    assert "no builds are recorded" in capsys.readouterr().out


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=30))
def test_a_trend_has_a_bar_for_each_value_between_the_least_and_the_most(values):
    bars = trend(values)
    assert len(bars) == len(values) and {*bars} <= {*BARS}
    if max(values) > min(values):
        assert bars[values.index(max(values))] == BARS[-1] and bars[values.index(min(values))] == BARS[0]
