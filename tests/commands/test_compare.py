"""Folders of builds side by side, and the comment that is made of them."""

import json
import re

import msgspec
import pytest
from make_graph import Graph
from markdown_it import MarkdownIt
from msgspec.structs import replace
from small_reports import report

from edgekit.commands.compare import compare, print_comparisons
from edgekit.errors import EdgekitError, OutputError, ProjectError
from edgekit.profile.project import Project
from edgekit.report.comment import LONGEST, comment
from edgekit.report.types import Commit
from edgekit.types import BudgetLine, Measurement

EVIL = "`x`|<img src=x onerror=alert(1)>\n@everyone #1 </details>"


def lay(folder, *reports):
    for number, one in enumerate(reports):
        place = folder / str(number) / "build"  # the names are those of the report
        place.mkdir(parents=True)
        (place / "report.json").write_bytes(msgspec.json.encode(one))
    folder.mkdir(exist_ok=True)
    return str(folder)


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path, {}, ())


@pytest.fixture
def both(project, tmp_path):
    """`both(before, after)` compares two folders with these reports."""
    return lambda before, after: compare(project, lay(tmp_path / "a", *before), lay(tmp_path / "b", *after))


def test_builds_are_paired_by_target_and_model(both):
    before = [report(), report("watch"), report("phone", "voice")]
    after = [report("watch", size=45_000, shipped="3"), report(), report("phone", "voice", size=39_000, shipped="4")]
    found = {(one.target, one.model): one for one in both(before, after)}
    assert found["watch", "digits"].verdicts == ("pass", "fail") and found["watch", "digits"].changed
    assert not found["phone", "digits"].changed and found["phone", "digits"].same_file
    text = comment([*found.values()])
    assert text.startswith(
        "<!-- edgekit -->\n\n### edgekit: 1 build is over budget by this change; figures: 1 worse, 1 better"
    )
    assert "<summary>1 build without a change</summary>" in text
    row = next(line for line in text.splitlines() if "**fail** |" in line)
    assert "| 39.1 KiB | 43.9 KiB | +4.9 KiB, +12 % | ≤ 40.0 KiB | pass → **fail** |" in row


def test_the_commits_are_said_where_each_side_has_one(both):
    one, two = (Commit(sha * 40, "2026-11-01 10:00 +0000", sha == "a") for sha in "ab")
    before, after = replace(report(), commit=one), replace(report(size=45_000), commit=two)
    assert "<code>aaaaaaaa</code> → <code>bbbbbbbb+</code>" in comment(both([before], [after]))


def test_a_build_that_appears_or_goes_is_said(both, capsys):
    found = both([report(), report("old")], [report(), report("new", size=50_000, shipped="3")])
    assert [(bool(one.before), bool(one.after)) for one in found] == [(True, True), (False, True), (True, False)]
    text = comment(found)
    assert "<code>digits</code> for <code>new</code>: ❌ fail\n\nThis build is new." in text
    assert "<code>digits</code> for <code>old</code>: pass\n\nThis build is gone." in text
    print_comparisons(found, every=False)
    said = capsys.readouterr().out
    assert "only after: " in said and "only before: " in said


def test_a_renamed_target_or_model_is_held_against_what_it_was(both):
    found = both([report("old"), report("watch", "a")], [report("new", size=50_000), report("watch", "b", size=39_000)])
    assert [one.renamed for one in found] == ["old/digits", "watch/a"]
    assert found[0].verdicts == ("pass", "fail")
    assert "which was <code>old/digits</code>" in comment(found)


def test_two_that_fit_are_not_guessed_between(both):
    found = both([report("a"), report("b")], [report("c")])
    assert [one.renamed for one in found] == ["", "", ""] and len(found) == 3


def test_a_folder_without_builds_makes_all_of_them_new(both):
    (one,) = both([], [report()])
    assert not one.before and one.verdicts == ("", "pass")


def test_nothing_changed_is_one_line_and_a_fold(both):
    text = comment(both([report()], [report()]))
    assert "### edgekit: no budget is broken; nothing changed" in text and "| figure |" not in text


def test_one_build_is_taken_from_a_folder_by_its_names(project, tmp_path):
    many, single = lay(tmp_path / "a", report(), report("watch")), lay(tmp_path / "b", report("watch", size=39_000))
    (one,) = compare(project, many, f"{single}/0/build")
    assert (one.target, one.figures[0].before, one.figures[0].after) == ("watch", 40_000, 39_000)
    other = lay(tmp_path / "c", report("lamp"))
    with pytest.raises(ProjectError, match=r"no build of digits for lamp; name one of its builds: phone/digits"):
        compare(project, many, f"{other}/0/build")


def test_a_report_of_before_a_field_was_added_is_read(project, tmp_path):
    here = lay(tmp_path / "a", report())
    file = tmp_path / "a/0/build/report.json"
    old = json.loads(file.read_text())
    for added in ("baseline", "shipped", "npu", "conformance", "distributions"):
        old.pop(added, None)
    file.write_text(json.dumps(old | {"unknown": 1}))
    (one,) = compare(project, here, lay(tmp_path / "b", report(size=45_000)))
    assert one.verdicts == ("pass", "fail")


@pytest.mark.parametrize("content", ['{"schema": "edgekit.report/0"}', "{", "[]"])
def test_a_report_of_another_schema_is_refused(project, tmp_path, content):
    here = lay(tmp_path / "a", report())
    (tmp_path / "a/0/build/report.json").write_text(content)
    with pytest.raises(OutputError, match=r"report.json cannot be read .*; build again"):
        compare(project, here, here)


def test_a_bare_file_has_what_it_says_and_the_rest_was_not_measured(project, tmp_path, capsys):
    here, file = lay(tmp_path / "a", report()), tmp_path / "net.tflite"
    graph = Graph()
    file.write_bytes(graph.finish(graph.pool(graph.input([1, 4, 4, 2]))))
    for pair in ((f"{here}/0/build", str(file)), (str(file), f"{here}/0/build")):
        found = compare(project, *pair)
        figures = {change.name: change for change in found[0].figures}
        assert figures["accuracy"].effect == "lacking" and figures["accuracy"].note == ""
        assert figures["model_size"].effect in ("better", "worse")
        assert figures["model_size"].verdicts == ("pass", "pass")  # the file was never judged
        print_comparisons(found, every=True)
        said = capsys.readouterr().out
        assert "not measured" in said and "within the intervals" not in said
        assert "not measured" in comment(found)
    (two,) = compare(project, str(file), str(file))
    assert two.same_file and not two.changed


def test_a_file_cannot_stand_for_several_builds(project, tmp_path):
    (tmp_path / "net.tflite").write_bytes(b"x")
    with pytest.raises(ProjectError, match="has several builds, and the other is one file; name one of its builds"):
        compare(project, lay(tmp_path / "a", report(), report("watch")), str(tmp_path / "net.tflite"))


def test_what_is_neither_a_file_nor_a_folder_is_refused(project, tmp_path):
    with pytest.raises(EdgekitError, match="no baseline"):
        compare(project, "nowhere", lay(tmp_path / "a", report()))


def test_no_name_of_a_file_breaks_the_comment(both):
    names = {"target": EVIL, "model": EVIL}
    before = replace(report(**names), measurements=[Measurement(f"sqnr.{EVIL}", 30, "dB")])
    after = replace(report(**names, shipped="3"), measurements=[Measurement(f"sqnr.{EVIL}", 20, "dB")])
    after = replace(after, budget=[BudgetLine(f"sqnr.{EVIL}", 25, 20, "dB", 0.0, "fail", "", waived=EVIL)])
    text = comment(both([before], [after]))
    page = MarkdownIt("commonmark").enable("table").render(text)
    assert "<img" not in page and not re.search(r"@\w", re.sub(r"<code>.*?</code>", "", page))
    assert page.count("<details>") == page.count("</details>")
    assert {len(line.split("|")) for line in text.splitlines() if line.startswith("|")} == {9}


def test_a_comment_is_as_long_as_one_may_be(both):
    many = [report(f"target{n}", "m" * 200) for n in range(400)]
    found = both(many, [replace(report(f"target{n}", "m" * 200, size=50_000 + n), notes=[]) for n in range(400)])
    text = comment(found)
    assert LONGEST - 2000 < len(text) < 65_536
    assert re.search(r"\d+ more builds changed; `edgekit compare` shows all of it", text)


def test_the_terminal_shows_what_differs_and_all_with_all(both, capsys):
    found = both([report()], [report(size=45_000, shipped="3")])
    print_comparisons(found, every=False)
    short = capsys.readouterr().out
    print_comparisons(found, every=True)
    long = capsys.readouterr().out
    assert "pass → fail" in short and "accuracy" not in short and "1 more figure with --all" in short
    assert "accuracy" in long and "97.00 … 99.00" in long and "≤ 40.0 KiB" in long
    assert max(map(len, short.splitlines()[1:])) <= 80
