"""Tables of TOML as frozen types, with errors that a person can act on."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

import msgspec

from edgekit.errors import EdgekitError
from edgekit.units import Quantity, plain

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

T = TypeVar("T")
MOST_NAMED = 20
"""Words that are listed where none is near."""
Positive = Annotated[int, msgspec.Meta(ge=1)]


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all that a person writes in TOML: a key that it does not know is refused."""


def read_table(path: Path, error: type[EdgekitError]) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises:
      error: the file cannot be read, or has an error of syntax (with its line).
    """
    try:
        return tables(path.read_text(encoding="utf-8"), str(path), error)
    except OSError as problem:
        raise error(f"{path}: cannot be read ({problem.strerror}); check the path and its permissions") from None
    except UnicodeDecodeError:
        raise error(f"{path}: not a text file in UTF-8; save it as one") from None


def tables(text: str, where: str, error: type[EdgekitError]) -> dict[str, Any]:
    """The tables of a text in TOML.

    Raises:
      error: it has an error of syntax (with its line).
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise error(f"{where}: not valid TOML: {problem}") from None


def project_table(start: Path, error: type[EdgekitError]) -> tuple[Path, Any] | None:
    """The nearest folder, upwards, whose pyproject.toml has `[tool.edgekit]`, and that table.

    Raises:
      error: a pyproject.toml on the way cannot be read.
    """
    for folder in (start, *start.parents):
        if (file := folder / "pyproject.toml").is_file():
            tool = read_table(file, error).get("tool")
            if isinstance(tool, dict) and "edgekit" in tool:
                return folder, tool["edgekit"]
    return None


def parse_value(text: str) -> Any:
    """The value in `--set key=value`: TOML where it is TOML, else the text itself (so that "5 ms" needs no quotes)."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def decode(table: Any, kind: type[T], where: str, error: type[EdgekitError]) -> T:
    """A table as a frozen type.

    Args:
      where: file, and table within it, for the error's first words.

    Raises:
      error: a key is unknown (the nearest right one is named), a value has a wrong type or unit, or one is missing.
    """
    try:
        return msgspec.convert(table, kind, dec_hook=_quantity, strict=True)
    except msgspec.ValidationError as problem:
        raise error(_explain(str(problem), kind, where, table)) from None


def encode(value: Any) -> Any:
    """A frozen type as plain dictionaries and numbers, without what is at its default `None`."""
    return msgspec.to_builtins(value, enc_hook=plain)


def nearest(word: str, known: Collection[str]) -> str:
    """`did you mean "known"?`, or the words there are where nothing is near."""
    if near := closest(word, known):
        return f'did you mean "{near}"?'
    first = ", ".join(sorted(known)[:MOST_NAMED])
    return f"there is {first}{' …' if len(known) > MOST_NAMED else ''}" if known else "there is none"


def closest(word: str, known: Collection[str]) -> str | None:
    """The known word that somebody meant: one that is spelled almost like it, or has it as a part."""
    folded = {name.casefold(): name for name in known}
    typed = word.casefold()
    found = difflib.get_close_matches(typed, folded, n=1, cutoff=0.5) or [f for f in folded if typed and typed in f]
    return folded[found[0]] if found else None


def changes(table: Settings) -> list[str]:
    """Names of the quantities that were written as a change, with a sign."""
    values = {name: getattr(table, name) for name in table.__struct_fields__}
    return [name for name, value in values.items() if isinstance(value, Quantity) and value.change]


def _quantity(kind: type, value: Any) -> Any:
    if issubclass(kind, Quantity):
        return kind.parse(value)
    raise ValueError(f"unexpected value {value!r}")


def _explain(problem: str, kind: type, where: str, table: Any) -> str:
    message, _, path = problem.partition(" - at `$")
    keys = [k for k in path.rstrip("`").lstrip(".").split(".") if k]
    if unknown := re.match(r"Object contains unknown field `(.*)`", message):
        place = ".".join([*keys, unknown[1]])
        return f"{where}: {place}: unknown key; {nearest(unknown[1], _fields(kind, keys))}"
    if missing := re.match(r"Object missing required field `(.*)`", message):
        return f"{where}: {'.'.join([*keys, missing[1]])}: missing; add it"
    for key in keys:
        table = table.get(key) if isinstance(table, dict) else None
    if message.startswith(("Expected", "Invalid")):
        message = f"{message[0].lower()}{message[1:]}; it is {table!r}"
    return f"{where}: {'.'.join(keys)}: {message}" if keys else f"{where}: {message}"


def _fields(kind: Any, keys: list[str]) -> list[str]:
    """The keys that the table at `keys` may have."""
    for key in keys:
        kinds = {field.encode_name: field.type for field in msgspec.structs.fields(struct_of(kind) or kind)}
        kind = kinds.get(key.split("[")[0])
    found = struct_of(kind)
    return [field.encode_name for field in msgspec.structs.fields(found)] if found else []


def struct_of(kind: Any) -> type[msgspec.Struct] | None:
    """The struct in an annotation such as `Prune | None` or `dict[str, Model]`."""
    options = [kind, *get_args(kind)]
    return next((k for k in options if isinstance(k, type) and issubclass(k, msgspec.Struct)), None)
