"""The fields of `report.json` and other files, from the types that they are written from."""

import importlib
import json
from typing import Any, Literal, get_args, get_origin

from msgspec import Struct
from msgspec.structs import fields
from settings import meanings, summary

from edgekit.report.types import Report

WORDS = {int: "integer", float: "number", str: "text", bool: "true or false", type(None): "null", Any: "any"}


def report() -> str:
    """A section for the report, and one for each kind of object in it."""
    return _sections(Report)


def fields_of(name: str) -> str:
    """The same for another file of JSON, by its type, `module:Class`."""
    module, _, kind = name.partition(":")
    return _sections(getattr(importlib.import_module(module), kind))


def _sections(kind: type[Struct]) -> str:
    kinds = [kind]
    for kind in kinds:
        for field in fields(kind):
            kinds += [inner for inner in _structs(field.type) if inner not in kinds]
    return "\n" + "\n\n".join(_section(kind) for kind in kinds) + "\n"


def _section(kind: type[Struct]) -> str:
    said = meanings(kind)
    rows = [f"| `{field.encode_name}` | {_type(field.type)} | {said.get(field.name, '')} |" for field in fields(kind)]
    return f"## {kind.__name__}\n\n{summary(kind)}\n\n| field | type | |\n|---|---|---|\n" + "\n".join(rows)


def _structs(kind: Any) -> list[type[Struct]]:
    if isinstance(kind, type) and issubclass(kind, Struct):
        return [kind]
    return [found for inner in get_args(kind) for found in _structs(inner)]


def _type(kind: Any) -> str:
    origin, inside = get_origin(kind), get_args(kind)
    if isinstance(kind, type) and issubclass(kind, Struct):
        return f"[{kind.__name__}](#{kind.__name__.lower()})"
    if origin is Literal:
        return " or ".join(f"`{json.dumps(value)}`" for value in inside)
    if origin in (list, tuple):
        return f"list of {_type(inside[0])}"
    if origin is dict:
        return f"object of {_type(inside[1])}"
    if inside:
        return " or ".join(_type(inner) for inner in inside)
    return WORDS.get(kind, f"`{kind}`")
