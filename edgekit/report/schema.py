"""The JSON Schema of `report.json`, made from its type."""

from __future__ import annotations

import inspect
from pathlib import Path

import msgspec

from edgekit.report.types import REPORT, Report

FILE = Path(__file__).parent / "report.schema.json"


def schema() -> bytes:
    """The schema as the package publishes it, in JSON."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": REPORT} | msgspec.json.schema(Report)
    for definition in schema["$defs"].values():  # msgspec before 0.23 gives docstrings as they are indented
        definition["description"] = inspect.cleandoc(definition["description"])
    return msgspec.json.format(msgspec.json.encode(schema), indent=2) + b"\n"


if __name__ == "__main__":
    FILE.write_bytes(schema())
