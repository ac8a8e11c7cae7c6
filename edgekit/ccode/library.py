"""CMSIS-NN where the user has it: whether it is there, and which of its files a model needs."""

from __future__ import annotations

import re
from pathlib import Path

from msgspec import Struct

from edgekit.errors import EdgekitError, ModelError

HEADER = Path("Include/arm_nnfunctions.h")
DEFINITION = re.compile(r"^(?:\w+[\s*]+)+?(arm_\w+)\s*\(", re.MULTILINE)
"""The start of a function."""
NAME = re.compile(r"\barm_\w+")
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


class Library(Struct, frozen=True):
    """What has to be compiled with a model's code."""

    sources: tuple[str, ...]
    includes: tuple[str, ...]
    """Folders of headers: CMSIS-NN's, and that of CMSIS-Core where it lies beside."""


def check(path: str, where: str, error: type[EdgekitError]) -> Path:
    """The folder of CMSIS-NN.

    Args:
      where: the option that names it, for the error's first words.

    Raises:
      error: it is no such folder.
    """
    folder = Path(path).expanduser()
    for part in (HEADER, Path("Source")):
        if not (folder / part).exists():
            raise error(f"{where}: {path} is not CMSIS-NN: it has no {part}; give the folder with Include and Source")
    return folder.resolve()


def parts(folder: Path) -> dict[str, Path]:
    """The folders whose files decide what is compiled, by name."""
    found = {"Include": folder / "Include", "Source": folder / "Source"}
    for depth in ("*", "*/*"):
        for header in sorted(folder.parent.glob(f"{depth}/Include/cmsis_compiler.h")):
            found.setdefault("Core", header.parent)
    return found


def needed(code: str, folders: dict[str, str]) -> Library:
    """The files that a model's code needs, and those that these need.

    Args:
      code: the C that calls CMSIS-NN.
      folders: of `parts`.

    Raises:
      ModelError: the code calls what is not there.
    """
    texts = {
        path: path.read_text(encoding="utf-8", errors="replace")
        for path in sorted(Path(folders["Source"]).rglob("*.c"))
    }
    defined: dict[str, Path] = {}
    for path, text in texts.items():
        for name in DEFINITION.findall(text):
            defined.setdefault(name, path)
    called = set(re.findall(r"\b(arm_\w+)\(", COMMENT.sub("", code)))
    if lacking := sorted(called - set(defined)):
        raise ModelError(f"{folders['Source']}: has no {lacking[0]}; take a release of CMSIS-NN from 4.0.0 on")
    found: set[Path] = set()
    new = {defined[name] for name in called}
    while new:
        found |= new
        names = {name for path in new for name in NAME.findall(texts[path])}
        new = {defined[name] for name in names if name in defined} - found
    includes = [place for name, place in folders.items() if name != "Source"]
    return Library(tuple(map(str, sorted(found))), tuple(includes))
