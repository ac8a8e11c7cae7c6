"""A report as JUnit XML: a test case for each limit, which every continuous integration shows."""

from __future__ import annotations

from xml.etree import ElementTree

from edgekit.report.extras import Extras
from edgekit.report.text import printable, remarks
from edgekit.report.types import Report
from edgekit.types import BudgetLine
from edgekit.units import show


def junit(report: Report, extras: Extras) -> str:
    """`junit.xml`.

    Source: the schema of Jenkins' xUnit plugin, `junit-10.xsd`.
    """
    name = printable(f"{report.target.name}.{report.model.name}", 200)
    cases = [(line, _outcome(line)) for line in report.budget]
    counts = {kind: sum(found == kind for _, found in cases) for kind in ("failure", "error", "skipped")}
    suite = ElementTree.Element(
        "testsuite",
        name=name,
        tests=str(len(cases)),
        failures=str(counts["failure"]),
        errors="0",
        skipped=str(counts["skipped"]),
    )
    for line, outcome in cases:
        case = ElementTree.SubElement(suite, "testcase", classname=name, name=f"budget.{line.name}")
        if outcome:
            said = f"{line.verdict}: {show(line.value, line.unit)}, limit {show(line.limit, line.unit)}"
            why = "; ".join(filter(None, [said, line.reason, *remarks(line)]))
            ElementTree.SubElement(case, outcome, message=printable(why, 1000))
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _outcome(line: BudgetLine) -> str:
    """The element that says so; none for what passed."""
    if line.verdict == "fail":
        return "skipped" if line.waived or line.level == "warn" else "failure"
    return "" if line.verdict == "pass" else "skipped"
