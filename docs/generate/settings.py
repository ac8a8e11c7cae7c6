"""Settings that a person writes in TOML, as tables: name, type, default and meaning, from their types."""

import ast
import importlib
import inspect
import json
import textwrap
from itertools import pairwise
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Struct
from msgspec.structs import FieldInfo, fields

from edgekit.config import struct_of
from edgekit.frontend.kinds import AnyFrontend
from edgekit.profile.recipe import Recipe
from edgekit.units import Quantity

HEAD = "| setting | type | default | |\n|---|---|---|---|\n"
WORDS = {int: "integer", float: "number", str: "text", bool: "`true` or `false`", Any: "any"}


def settings(name: str) -> str:
    """The table of one type, `module:Class`."""
    module, _, kind = name.partition(":")
    return rows(getattr(importlib.import_module(module), kind))


def recipe() -> str:
    """A section for each table of a recipe."""
    parts = []
    for title, kind in _tables("recipe", Recipe).items():
        parts += [f"## {title}", summary(kind), rows(kind)]
    return "\n" + "\n\n".join(parts) + "\n"


def frontends() -> str:
    """A section for each kind of front-end."""
    parts = []
    for kind in get_args(AnyFrontend):
        name = kind.__struct_config__.tag
        parts += [f"## `{name}`", summary(kind), rows(kind)]
        for field in fields(kind):
            if inner := struct_of(field.type):
                parts += [f"## `{field.name}` of `{name}`", summary(inner), rows(inner)]
    return "\n" + "\n\n".join(parts) + "\n"


def rows(kind: type[Struct]) -> str:
    """A line for each setting of a type."""
    said = meanings(kind)
    return HEAD + "\n".join(
        f"| `{field.encode_name}` | {type_of(field.type)} | {_default(field)} | {said.get(field.name, '')} |"
        for field in fields(kind)
    )


def summary(kind: type) -> str:
    """The first paragraph of a class's docstring."""
    return " ".join(inspect.cleandoc(kind.__doc__ or "").split("\n\n")[0].split())


def meanings(kind: type) -> dict[str, str]:
    """What stands below each field of a class, or of those that it derives from."""
    found: dict[str, str] = {}
    for base in reversed([k for k in kind.__mro__ if issubclass(k, Struct) and k.__module__.startswith("edgekit")]):
        body = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0].body  # type: ignore[attr-defined]
        for field, after in pairwise(body):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                constant = after.value if isinstance(after, ast.Expr) else None
                if isinstance(constant, ast.Constant):
                    found[field.target.id] = " ".join(str(constant.value).split()).replace("|", "\\|")
    return found


def type_of(kind: Any) -> str:
    """A type as a person writes its values."""
    origin, inside = get_origin(kind), get_args(kind)
    if origin is Annotated:
        bounds = [bound for meta in inside[1:] if isinstance(meta, msgspec.Meta) for bound in _bounds(meta)]
        return f"{type_of(inside[0])} {' and '.join(bounds)}".strip()
    if origin is Literal:
        return " or ".join(f"`{json.dumps(value)}`" for value in inside)
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(type_of(one) for one in inside if one is not NoneType))
    if origin is tuple:
        return f"list of: {type_of(inside[0])}"
    if origin is dict:
        return f"table of: {type_of(inside[1])}"
    if isinstance(kind, type) and issubclass(kind, Quantity):
        return f'{kind.kind}: `"{kind.example}"`'
    return "table" if isinstance(kind, type) and issubclass(kind, Struct) else WORDS.get(kind, f"`{kind}`")


def _bounds(meta: msgspec.Meta) -> list[str]:
    signs = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}
    return [f"{sign} {getattr(meta, name)}" for name, sign in signs.items() if getattr(meta, name) is not None]


def _default(field: FieldInfo) -> str:
    value = field.default if field.default is not NODEFAULT else None
    if field.required:
        return "required"
    if isinstance(value, Quantity):
        base = next(iter(value.units))
        return f'`"{value / 1e9:g} s"`' if base == "ns" else f"`{value:g} {base}`"
    if value is None or value == "" or value == () or isinstance(value, Struct):
        return ""
    return f"`{json.dumps(value)}`"


def _tables(place: str, kind: type[Struct]) -> dict[str, type[Struct]]:
    """The types of all tables in a table, by what the page calls them."""
    tables = {f"`[{place}]`": kind}
    for field in fields(kind):
        if (inner := struct_of(field.type)) and field.name in ("student", "assistants"):
            tables["a student in recipe.distil"] = inner
        elif inner:
            tables |= _tables(f"{place}.{field.name}", inner)
    return tables
