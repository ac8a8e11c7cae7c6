"""What code a result depends on."""

from __future__ import annotations

import ast
import contextlib
import functools
import hashlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import msgspec

from edgekit.engine.store import Store
from edgekit.files import DAMAGE, sha256, write

_ROOT = Path(__file__).parents[1]
TEXTS = ("templates", "kernels", "board")
"""Folders beside a module with what it writes or compiles."""


class _Module(msgspec.Struct, frozen=True):
    """What one source file says."""

    stamp: tuple[int, int, int]
    """Time of the last change (of content and of the directory entry, in ns) and size: unchanged, the file is too."""
    meaning: str
    """SHA-256 of its syntax tree without docstrings: comments and layout do not count."""
    imports: tuple[str, ...]
    """The modules of edgekit that it imports, at the top or inside functions; not those that only its types name."""


class Fingerprints:
    """Fingerprints of code and files, remembered in a store so that an unchanged file is not read again."""

    def __init__(self, store: Store) -> None:
        self._memory = store.folder / "fingerprints.json"
        self._modules: dict[str, _Module] = {}
        self._files: dict[str, tuple[tuple[int, int, int], str]] = {}
        self._changed = False
        with contextlib.suppress(OSError, *DAMAGE):
            self._modules, self._files = msgspec.json.decode(
                self._memory.read_bytes(),
                type=tuple[dict[str, _Module], dict[str, tuple[tuple[int, int, int], str]]],
            )

    def save(self) -> None:
        """Writes down what was learned."""
        if self._changed:
            write(self._memory, msgspec.json.encode((self._modules, self._files)))

    def code(self, *modules: str) -> str:
        """Fingerprint of modules: of what they say, what of edgekit they import when they run, and their `TEXTS`."""
        return hashlib.sha256("".join(map(self._code, modules)).encode()).hexdigest()

    def closure(self, module: str) -> dict[str, str]:
        """The modules that run when a module's functions do, and their `TEXTS`; with the fingerprint of each."""
        seen: dict[str, str] = {}
        pending = [module]
        while pending:
            name = pending.pop()
            if name not in seen and (path := _source(name)):
                found = self._module(name, path)
                seen[name] = found.meaning
                seen |= self._texts(path.parent)
                pending += [*found.imports, name.rpartition(".")[0]]  # a package is loaded before what is in it
        return seen

    def file(self, path: Path) -> str:
        """SHA-256 of a file, or of a folder's files and names."""
        if path.is_dir():
            return sha256(path)
        stamp, known = _stamp(path), self._files.get(str(path))
        if known is None or known[0] != stamp:
            known = self._files[str(path)] = (stamp, sha256(path))
            self._changed = True
        return known[1]

    @functools.cache  # noqa: B019 (lives as long as one command)
    def _code(self, module: str) -> str:
        return hashlib.sha256(msgspec.json.encode(sorted(self.closure(module).items()))).hexdigest()

    @functools.cache  # noqa: B019
    def _texts(self, room: Path) -> dict[str, str]:
        """What lies beside the modules of a folder and becomes part of what they make, by its place."""
        texts = (text for folder in TEXTS for text in room.glob(f"{folder}/**/*") if room.is_relative_to(_ROOT))
        return {str(text.relative_to(_ROOT)): self.file(text) for text in texts if text.is_file()}

    @functools.cache  # noqa: B019
    def _module(self, name: str, path: Path) -> _Module:
        stamp, known = _stamp(path), self._modules.get(name)
        if known is None or known.stamp != stamp:
            tree = ast.parse(path.read_bytes())
            imports = tuple(sorted({m for node in _running(tree) for m in _imported(node)}))
            meaning = hashlib.sha256(ast.dump(_without_docstrings(tree)).encode()).hexdigest()
            known = self._modules[name] = _Module(stamp, meaning, imports)
            self._changed = True
        return known


@functools.cache
def _source(module: str) -> Path | None:
    if module.split(".")[0] != "edgekit":
        found = importlib.util.find_spec(module) if module else None
        return Path(found.origin) if found and found.origin else None
    path = _ROOT.joinpath(*module.split(".")[1:])
    return next((p for p in (path.with_suffix(".py"), path / "__init__.py") if p.is_file()), None)


def _running(tree: ast.AST) -> Iterator[ast.AST]:
    """All of a syntax tree but what only a type checker reads."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        yield node
        yield from _running(node)


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    else:
        names = []
    return [name for name in names if name.split(".")[0] == "edgekit"]


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            node.body = [line for line in node.body if not _is_text(line)] or [ast.Pass()]
    return tree


def _is_text(line: ast.stmt) -> bool:
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant) and isinstance(line.value.value, str)


def _stamp(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size
