import json
from unittest.mock import patch
from xml.etree import ElementTree

import pytest
from budget_csv import budget_csv
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from msgspec.structs import replace

from edgekit.flatbuffer.anatomy import Anatomy, Layer, anatomy
from edgekit.measure.fidelity import NO_CLASSES
from edgekit.report.extras import Extras
from edgekit.report.html import _accuracies, html
from edgekit.report.junit import junit
from edgekit.report.markdown import markdown
from edgekit.report.render import FORMATS, render
from edgekit.report.sarif import sarif
from edgekit.report.treemap import treemap
from edgekit.report.types import Distribution, ModelEntry, Report, TargetEntry
from edgekit.types import Artifact, BudgetLine, Machine, Measurement

EVIL = "<script>alert(1)</script>\"'&\x1b[31m"


def report(*lines, **more):
    return Report(
        schema="edgekit.report/1",
        model=ModelEntry(EVIL, EVIL, "0" * 64, 1, 1, EVIL),
        target=TargetEntry("phone", "1" * 64, EVIL, (EVIL,)),
        artifacts=[Artifact("tflite", "model.tflite", 10, "2" * 64)],
        stages=[],
        measurements=[Measurement("accuracy", 90.0, "%", low=80.0, high=95.0, reason=EVIL)],
        budget=list(lines),
        verdict="fail",
        notes=[EVIL],
        threads=1,
        rungs=[],
        machine=Machine(EVIL, 2, "Linux", "CPython"),
        **more,
    )


BROKEN = BudgetLine("latency", 5.0, 9.0, "ns", -80.0, "fail", "measured", EVIL, 8.0, 10.0)
WAIVED = BudgetLine("macs", 5.0, 9.0, "1", -80.0, "fail", "measured", waived="until then")
WARNED = BudgetLine("arena", 5.0, 9.0, "B", -80.0, "fail", "measured", level="warn")
SKIPPED = BudgetLine("churn", 5.0, None, "points", None, "skipped", "", "not measured")
FINE = BudgetLine("model_size", 5.0, 4.0, "B", 20.0, "pass", "measured")


def test_nothing_of_a_model_becomes_markdown():
    page = MarkdownIt("commonmark").enable("table").render(markdown(report(BROKEN, WAIVED, WARNED, SKIPPED)))
    assert "<script" not in page and "&lt;script&gt;" in page and "\x1b" not in page
    hostile = replace(report(BROKEN), notes=["@everyone | # a\n- b", "`x` **y** <img src=x>"])
    page = MarkdownIt("commonmark").enable("table").render(markdown(hostile))
    assert "<img" not in page and "@everyone" not in page and "<strong>y" not in page and "@\u2060everyone" in page


def test_nothing_of_a_model_becomes_markup():
    layers = [Layer(EVIL, "CONV_2D", 8, 2, 5, 20)]
    found = Anatomy(20, 8, 2, 2, 2, 6, layers)
    rounds = [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]]
    page = html(report(BROKEN, distributions=[Distribution(EVIL, EVIL, rounds)]), Extras(found))
    assert (
        "<script" not in page
        and "&lt;script&gt;" in page
        and "\x1b" not in page.split("</main>")[0].split("<h1>")[1][:200]
    )


@pytest.mark.parametrize(("reason", "bars"), [("", 1), (NO_CLASSES, 0)])
def test_agreement_of_what_is_no_class_is_no_accuracy(reason, bars):
    found = Measurement("fidelity", 90.0, "%", low=80.0, high=95.0, reason=reason)
    assert len(_accuracies(replace(report(), measurements=[found]))) == bars


def test_the_page_says_what_softens_a_limit():
    page = html(report(WAIVED, WARNED), Extras())
    assert "waived: until then" in page and "warning only" in page


def test_report_md_says_where_each_limit_was_said():
    built = report(FINE, BROKEN)
    limits = {"macs": "targets/phone.toml", "latency": EVIL, "model_size": "targets/phone.toml"}
    page = markdown(replace(built, target=replace(built.target, limits=limits)))
    [said] = [line for line in page.splitlines() if line.startswith("Limits from")]
    assert said.startswith("Limits from <code>targets/phone.toml</code> (macs, model") and "<script" not in said
    assert "Limits from" not in markdown(built)


def test_junit_has_a_case_for_each_limit():
    text = junit(report(BROKEN, WAIVED, WARNED, SKIPPED, FINE), Extras())
    suite = ElementTree.fromstring(text)[0]
    assert suite.attrib | {"name": ""} == {"name": "", "tests": "5", "failures": "1", "errors": "0", "skipped": "3"}
    assert [[child.tag for child in case] for case in suite] == [["failure"], ["skipped"], ["skipped"], ["skipped"], []]
    assert "9 ns, limit 5 ns" in suite[0][0].attrib["message"]


def test_sarif_points_at_the_line_of_the_profile():
    log = json.loads(sarif(report(BROKEN, WAIVED, WARNED, FINE), Extras(places={"latency": ("targets/phone.toml", 7)})))
    [run] = log["runs"]
    assert [(r["ruleId"], r["level"]) for r in run["results"]] == [
        ("budget.latency", "error"),
        ("budget.macs", "warning"),
        ("budget.arena", "warning"),
    ]
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("targets/phone.toml", 7)
    assert run["results"][1]["suppressions"][0]["justification"] == "until then"


def test_a_format_that_is_added_is_written_beside_the_others(tmp_path):
    with patch.dict(FORMATS, {"budget.csv": budget_csv}):
        render.run(tmp_path, report(BROKEN, FINE), Extras())
    assert sorted(f.name for f in tmp_path.iterdir()) == ["budget.csv", "junit.xml", "report.html", "report.sarif"]
    assert (tmp_path / "budget.csv").read_text().splitlines() == [
        "limit,value,unit,verdict",
        "latency,9.0,ns,fail",
        "model_size,4.0,B,pass",
    ]


@given(st.lists(st.integers(0, 10**6), max_size=30), st.integers(10, 1000), st.integers(10, 1000))
def test_a_treemap_gives_every_size_its_share_inside_the_frame(sizes, width, height):
    boxes = treemap(sizes, width, height)
    assert sorted(box.number for box in boxes) == [i for i, size in enumerate(sizes) if size]
    for box in boxes:
        share = width * height * sizes[box.number] / sum(sizes)
        assert box.width * box.height == pytest.approx(share, rel=1e-6, abs=1e-6)
        assert box.x >= -1e-6 and box.x + box.width <= width * (1 + 1e-9) + 1e-6
        assert box.y >= -1e-6 and box.y + box.height <= height * (1 + 1e-9) + 1e-6


def test_the_bytes_of_a_file_add_up_and_its_memory_peaks_where_tflm_s_does(shared):
    for file in sorted((shared / "models/tflite").glob("*_int8.tflite")):
        found = anatomy.run("", str(file))
        parts = found.weights + found.biases + found.quantization + found.names + found.structure
        assert parts == found.bytes == file.stat().st_size and found.structure > 0
    wake = anatomy.run("", str(shared / "models/tflite/wake_word_int8.tflite"))
    # 28 x 1 x 40 in, 28 x 1 x 128 out: the first pointwise convolution; then 128 to 24 x 1 x 128
    assert wake.peak.live == 28 * 128 + 24 * 128
