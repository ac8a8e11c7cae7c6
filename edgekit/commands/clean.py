"""Removing what builds have left."""

from __future__ import annotations

from pathlib import Path

from edgekit.config import nearest
from edgekit.errors import OutputError, TargetError
from edgekit.files import remove
from edgekit.profile.known import known_targets
from edgekit.profile.project import Project
from edgekit.report.index import write_index
from edgekit.units import show


def clean(project: Project, out: Path, targets: list[str], cache: bool) -> list[str]:
    """Removes output folders, and what the store holds but the history where `cache` is set; says what went.

    Only folders that a build wrote are removed: DIR/TARGET/MODEL with a manifest.

    Raises:
      TargetError: there is no such target.
      OutputError: something cannot be removed.
    """
    removed, built = [], sorted(out.glob("*/*/manifest.json"))
    known = {"all", *known_targets(project.target_folders), *(manifest.parts[-3] for manifest in built)}
    for name in targets:
        if name not in known:
            raise TargetError(f'unknown target "{name}"; {nearest(name, known)}')
    for manifest in built:
        if not targets or "all" in targets or manifest.parts[-3] in targets:
            removed.append(_remove(manifest.parent))
    if next(out.glob("*/*/manifest.json"), None):
        write_index(out)
    elif removed:
        (out / "index.html").unlink(missing_ok=True)
    for folder in (*out.glob("*"), out):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    if cache and project.store.is_dir():
        removed += [_remove(part) for part in sorted(project.store.iterdir()) if not part.name.startswith("history.")]
    return removed or ["nothing to remove"]


def _remove(place: Path) -> str:
    try:
        return f"removed {place} ({show(remove(place), 'B')})"
    except OSError as problem:
        raise OutputError(f"{problem.filename}: cannot be removed ({problem.strerror})") from None
