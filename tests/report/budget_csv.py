"""A report's budget as a table for spreadsheets: a format from outside the package."""

from __future__ import annotations

import csv
import io

from edgekit.report.extras import Extras
from edgekit.report.types import Report


def budget_csv(report: Report, extras: Extras) -> str:
    """`budget.csv`: a line for each limit.

    Source: RFC 4180.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["limit", "value", "unit", "verdict"])
    table.writerows([line.name, line.value, line.unit, line.verdict] for line in report.budget)
    return text.getvalue()
