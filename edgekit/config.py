"""Tables of TOML as frozen types, with errors that a person can act on."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

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
    return f"choose from {first}{' …' if len(known) > MOST_NAMED else ''}" if known else "there is none"


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
    keys = [k for k in re.findall(r"\[(?:\d+|\.\.\.)\]|[^.\[\]`]+", path) if k != "[...]"]
    if unknown := re.match(r"Object contains unknown field `(.*)`", message):
        known = [field.encode_name for field in _fields(*_at(kind, keys, table))]
        return f"{where}: {_place([*keys, unknown[1]])}: unknown key; {nearest(unknown[1], known)}"
    if missing := re.match(r"Object missing required field `(.*)`", message):
        return f"{where}: {_place([*keys, missing[1]])}: missing; add it"
    if refused := re.match(r"Invalid enum value (.*)", message):
        word = refused[1].strip("'")
        return f'{where}: {_place(keys)}: there is no "{word}"; {nearest(word, _choices(_at(kind, keys, table)[0]))}'
    if message.startswith("Invalid value") and (tags := _tagged(_at(kind, keys[:-1], table)[0])):
        word = str(_value(table, keys))
        return f'{where}: {_place(keys)}: there is no "{word}"; {nearest(word, tags)}'
    if said := _number_wanted(message):
        value = _value(table, keys) if "[...]" not in path else ""
        return f"{where}: {_place(keys)}: {said}" + (f", not {value!r}{_as_share(value)}" if value != "" else "")
    if message.startswith(("Expected", "Invalid")):
        message = message[0].lower() + message[1:] + ("" if "[...]" in path else f"; it is {_value(table, keys)!r}")
    return f"{where}: {_place(keys)}: {message}" if keys else f"{where}: {message}"


_NUMBER = re.compile(r"Expected `(int|float)(?: \| null)?`(?: (<=|>=|<|>) (\S+))?(?:, got .*)?")
_WORDS = {"<": "less than", "<=": "at most", ">": "more than", ">=": "at least"}
_PERCENT = re.compile(r"(\d{1,2}(?:\.\d+)?) *%")


def _number_wanted(message: str) -> str:
    """What a number has to be, in words; "" where msgspec speaks of something else."""
    if not (found := _NUMBER.fullmatch(message)):
        return ""
    kind = "a whole number" if found[1] == "int" else "a number"
    return f"must be {kind}" + (f" {_WORDS[found[2]]} {found[3]}" if found[2] else "")


def _as_share(value: Any) -> str:
    """How a percentage is written as a number."""
    share = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    return f"; write {float(share[1]) / 100:g}" if share else ""


def _place(keys: list[str]) -> str:
    return ".".join(keys).replace(".[", "[")


def _value(table: Any, keys: list[str]) -> Any:
    """What stands at `keys`."""
    for key in keys:
        table = table[int(key[1:-1])] if key.startswith("[") else table[key]
    return table


def _at(kind: Any, keys: list[str], table: Any) -> tuple[Any, Any]:
    """The type of what stands at `keys`, and the table there, where it is one."""
    for key in keys:
        if not key.startswith("["):
            kind = {field.encode_name: field.type for field in _fields(kind, table)}.get(key)
            table = table.get(key) if isinstance(table, dict) else None
    return kind, table


def _fields(kind: Any, table: Any) -> tuple[Any, ...]:
    """The keys that a table may have."""
    said = table.get("kind") if isinstance(table, dict) else None
    found = _tagged(kind).get(str(said)) or struct_of(kind)
    return msgspec.structs.fields(found) if found else ()


def _tagged(kind: Any) -> dict[str, type[msgspec.Struct]]:
    """The structs in an annotation such as `LogMel | Image` by their tags, which a table says as its `kind`."""
    structs = [k for k in get_args(kind) if isinstance(k, type) and issubclass(k, msgspec.Struct)]
    return {str(k.__struct_config__.tag): k for k in structs if k.__struct_config__.tag is not None}


def _choices(kind: Any) -> list[str]:
    """The words that a value may be."""
    parts = get_args(kind)
    return [*map(str, parts)] if get_origin(kind) is Literal else [word for part in parts for word in _choices(part)]


def struct_of(kind: Any) -> type[msgspec.Struct] | None:
    """The struct in an annotation such as `Prune | None` or `dict[str, Model]`."""
    options = [kind, *get_args(kind)]
    return next((k for k in options if isinstance(k, type) and issubclass(k, msgspec.Struct)), None)
