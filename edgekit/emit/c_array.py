"""A `.tflite` as C sources for an interpreter: the model's bytes, and the operators it needs."""

from __future__ import annotations

import re
from typing import Any

from msgspec import Struct

from edgekit.emit.array_forms import PLAIN_BELOW, byte_rows, word_rows
from edgekit.emit.identifier import KEYWORDS, c_identifier
from edgekit.emit.render import render
from edgekit.emit.resolver import registrations
from edgekit.errors import ModelError, RecipeError
from edgekit.flatbuffer.read import Graph

_NAME_SHOWN = 80


class CArray(Struct, frozen=True):
    """How the array is declared."""

    name: str
    """Of the symbols; any text, made an identifier by `c_identifier`."""
    section: str = ""
    """Linker section, such as `.rodata.models`: the array gets `__attribute__((section("…")))`."""
    attribute: str = ""
    """A macro that the declaration gets, such as `PROGMEM`, for which AVR's header is included."""
    header: str = ""
    """Header that defines another attribute than `PROGMEM`, such as `esp_attr.h`."""


def array_files(graph: Graph, data: bytes, settings: CArray) -> dict[str, str]:
    """C99 and C++11 sources of a model's bytes.

    Returns:
      File name → text: `NAME_model.h`, `NAME_model.c`, and `NAME_resolver.h` unless TFLM lacks an operator of the
      model; then `NAME_model.h` says which. The text depends on the model's bytes and the settings only.

    Raises:
      RecipeError: a setting could not stand in C.
    """
    _check(settings)
    name = c_identifier(settings.name)
    in_words = len(data) >= PLAIN_BELOW
    facts: dict[str, Any] = {
        "name": name,
        "macro": name.upper(),
        "bytes": len(data),
        "sha256": graph.sha256,
        "words": (len(data) + 7) // 8 if in_words else 0,
        "rows": "\n".join(word_rows(data) if in_words else byte_rows(data)),
        "section": settings.section,
        "attribute": settings.attribute,
        "header": settings.header,
        "operators": _operators(graph),
        "lacks": "",
    }
    files = {}
    try:
        files[f"{name}_resolver.h"] = render("resolver.h.jinja", {**facts, "methods": registrations(graph)})
    except ModelError as error:
        facts["lacks"] = in_comment(str(error), longest=1000)
    return {
        f"{name}_model.h": render("model.h.jinja", facts),
        f"{name}_model.c": render("model.c.jinja", facts),
        **files,
    }


def in_comment(text: str, longest: int = _NAME_SHOWN) -> str:
    """Text of a stranger's model, made harmless inside a C comment: no end of comment, line, trigraph or escape.

    Every character but ASCII letters, digits, blanks and `_.:;,/()-` becomes an underscore.
    """
    shown = text if len(text) <= longest else text[:longest] + "..."
    return re.sub(r"[^A-Za-z0-9_.:;,/() -]", "_", shown)


def _check(settings: CArray) -> None:
    if settings.section and not re.fullmatch(r"[A-Za-z0-9_.$]+(,[A-Za-z0-9_.$]+)?", settings.section):
        raise RecipeError(
            f"c_section: {settings.section!r} is no section name; write letters, digits, '_', '.' and '$', such as "
            '".rodata.models"'
        )
    if settings.attribute and (
        settings.attribute in KEYWORDS or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", settings.attribute)
    ):
        raise RecipeError(f'c_attribute: {settings.attribute!r} is no macro\'s name; write one such as "PROGMEM"')
    if settings.attribute not in ("", "PROGMEM") and not settings.header:
        raise RecipeError(f"c_attribute: {settings.attribute} is defined nowhere; name the header that defines it")
    if settings.header and not re.fullmatch(r"[A-Za-z0-9_.+/-]+", settings.header):
        raise RecipeError(f'c_header: {settings.header!r} is no header\'s name; write one such as "esp_attr.h"')


def _operators(graph: Graph) -> list[str]:
    versions: dict[str, set[int]] = {}
    for operator in graph.operators:
        versions.setdefault(in_comment(operator.name), set()).add(operator.version)
    return [f"{name} v{', v'.join(map(str, sorted(versions[name])))}" for name in sorted(versions)] or ["none"]
