"""A `.tflite` as C sources: the model, its inputs and outputs, and the operators it needs."""

from __future__ import annotations

import re
from math import isfinite
from pathlib import Path
from typing import Any

from msgspec import Struct

from edgekit import worker
from edgekit.emit.arena import arena_with_margin
from edgekit.emit.array_forms import PLAIN_BELOW, byte_rows, word_rows
from edgekit.emit.identifier import KEYWORDS, c_identifier
from edgekit.emit.resolver import registrations
from edgekit.errors import EdgekitError, ModelError, RecipeError
from edgekit.flatbuffer.macs import elements
from edgekit.flatbuffer.read import Graph, read
from edgekit.store import write
from edgekit.target import Outputs
from edgekit.types import TensorSpec

_C_TYPES = {
    "bool": "uint8_t",
    "float16": "uint16_t",
    "float32": "float",
    "float64": "double",
    **{f"{sign}int{bits}": f"{sign}int{bits}_t" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}
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


def emit_file(model: str, name: str, outputs: Outputs, arena: int | None, folder: str) -> None:
    """Writes the C sources that a target asks for to `folder`; see `emit`."""
    settings = CArray(outputs.c_name or name, outputs.c_section or "", outputs.c_attribute or "")
    for file, text in emit(Path(model), settings, arena).items():
        (Path(folder) / file).write_text(text, encoding="ascii")


def write_c_array(model: Path, settings: CArray, folder: Path) -> list[Path]:
    """Writes the C sources of any `.tflite`, with the arena that TFLM needs for it where TFLM runs it.

    Raises:
      ModelError: the file is no model.
      RecipeError: a setting could not stand in C.
      OutputError: the folder cannot be written.
    """
    try:
        arena = worker.call("edgekit.runtimes.tflm:smallest_arena", str(model), returns=int, time_limit=120)
    except EdgekitError:
        arena = None  # the header says that it was not measured
    written = []
    for file, text in emit(model, settings, arena).items():
        write(folder / file, text.encode("ascii"))
        written.append(folder / file)
    return written


def emit(model: Path, settings: CArray, arena_bytes: int | None) -> dict[str, str]:
    """C99 and C++11 sources of a model.

    Args:
      model: a `.tflite`.
      arena_bytes: RAM of tensors as measured with TFLM on this host; None if it was not measured.

    Returns:
      File name → text: `NAME_model.h`, `NAME_model.c`, and `NAME_resolver.h` unless TFLM lacks an operator of the
      model; then `NAME_model.h` says which. The text depends on the model's bytes and the settings only.

    Raises:
      ModelError: the file is no model.
      RecipeError: a setting could not stand in C.
    """
    _check(settings)
    graph = read(model)
    data = model.read_bytes()
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
        "measured": arena_bytes,
        "arena": arena_with_margin(graph, arena_bytes) if arena_bytes is not None else None,
        "operators": _operators(graph),
        "inputs": [_tensor(spec) for spec in graph.inputs],
        "outputs": [_tensor(spec) for spec in graph.outputs],
        "lacks": "",
    }
    files = {}
    try:
        files[f"{name}_resolver.h"] = _render("resolver.h.jinja", {**facts, "methods": registrations(graph)})
    except ModelError as error:
        facts["lacks"] = in_comment(str(error), longest=1000)
    return {
        f"{name}_model.h": _render("model.h.jinja", facts),
        f"{name}_model.c": _render("model.c.jinja", facts),
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


def _tensor(spec: TensorSpec) -> dict[str, Any]:
    return {
        "name": in_comment(spec.name) or "unnamed",
        "dtype": spec.dtype,
        "c_type": _C_TYPES.get(spec.dtype, ""),
        "shape": spec.shape,
        "elements": elements(spec.shape),
        "scale": c_float(spec.scale) if spec.scale and isfinite(spec.scale) else "",
        "zero_point": spec.zero_point,
    }


def c_float(value: float) -> str:
    """A float32 as a C literal that reads back as the same float32: nine digits tell all of them apart."""
    digits = f"{value:.9g}"
    return f"{digits}f" if re.search("[.e]", digits) else f"{digits}.0f"


def _render(template: str, facts: dict[str, Any]) -> str:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # what comes out is C
    )
    return environment.get_template(template).render(facts)
