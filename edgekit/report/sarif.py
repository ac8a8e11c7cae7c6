"""A report as SARIF: what is broken, at the line of the profile that says so."""

from __future__ import annotations

from typing import Any

import msgspec

from edgekit import __version__
from edgekit.report.extras import Extras
from edgekit.report.text import remarks
from edgekit.report.types import Report
from edgekit.types import BudgetLine
from edgekit.units import show


def sarif(report: Report, extras: Extras) -> str:
    """`report.sarif`.

    Source: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0".
    """
    broken = [line for line in report.budget if line.verdict in ("fail", "inconclusive")]
    rules = [
        {"id": f"budget.{line.name}", "shortDescription": {"text": f"the limit on {line.name}"}} for line in broken
    ]
    driver = {"name": "edgekit", "version": __version__, "rules": rules}
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": [_result(report, line, extras.places) for line in broken]}],
    }
    return msgspec.json.format(msgspec.json.encode(log), indent=2).decode() + "\n"


def _result(report: Report, line: BudgetLine, places: dict[str, tuple[str, int]]) -> dict[str, Any]:
    level = "error" if line.verdict == "fail" and line.level == "error" and not line.waived else "warning"
    value = f"{show(line.value, line.unit)}, limit {show(line.limit, line.unit)}"
    said = f"{report.model.name} for {report.target.name}: {line.name} is {value}: {line.verdict}"
    found: dict[str, Any] = {
        "ruleId": f"budget.{line.name}",
        "level": level,
        "message": {"text": "; ".join(filter(None, (said, line.reason, *remarks(line))))},
    }
    if line.waived:
        found["suppressions"] = [{"kind": "external", "justification": line.waived}]
    if line.name in places:
        file, number = places[line.name]
        artifact = {"uri": file}
        found["locations"] = [
            {"physicalLocation": {"artifactLocation": artifact, "region": {"startLine": number}}},
        ]
    return found
