"""Starting Python, and importing what the user's own project defines: never a file that merely lies in the folder."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

from edgekit.config import project_table
from edgekit.errors import ProjectError

STANDS = "EDGEKIT_STANDS_IN"
"""Variable of a worker's environment."""


def python(code: str, *arguments: str) -> list[str]:
    """The command that runs some code without the current folder on the path, and with this edgekit, even where another
    one comes first.

    `-P` leaves the folder out from Python 3.11 on; this does on 3.10 too, before anything is imported.
    """
    own = str(Path(__file__).parents[2])
    start = f"import sys; sys.path[:] = [{own!r}, *filter(None, sys.path)]; import edgekit; del sys.path[0]"
    return [sys.executable, "-c", f"{start}; {code}", *arguments]


def environment() -> dict[str, str]:
    """The variables for that command: the places that this process imports from, without the current folder; and where
    the user stands, whichever folder it starts in."""
    return {"PYTHONPATH": os.pathsep.join(safe_path()), "PYTHONSAFEPATH": "1", STANDS: str(_here())}


def safe_path() -> list[str]:
    """The places that modules are imported from, but the current folder and the projects around it.

    Where edgekit itself lies there, it comes last: a file beside it is no library.
    """
    around = [folder for folder in Path.cwd().parents if (folder / "pyproject.toml").is_file()]
    here, own = {root.resolve() for root in (Path.cwd(), *around)}, str(Path(__file__).parents[2])
    places = [place for place in sys.path if Path(place).is_absolute() and Path(place).resolve() not in here]
    return places if own in places else [*places, own]


def own_module_file(name: str) -> Path | None:
    """The source of a module of the user's project; see `roots`."""
    for root in roots():
        place = root.joinpath(*name.split("."))
        for file in (place.with_suffix(".py"), place / "__init__.py"):
            if file.is_file():
                return file
    return None


def import_own(name: str) -> ModuleType:
    """Imports a module that the user named: from the project, or else from the environment.

    Of what it imports itself, installed packages go before files of the project with the same name.

    Raises:
      Exception: whatever the module raises; ModuleNotFoundError where there is none.
    """
    for root in roots():
        if str(root) not in sys.path:
            sys.path.append(str(root))
    top = name.partition(".")[0]
    if top not in sys.modules and (file := own_module_file(top)):
        spec = importlib.util.spec_from_file_location(top, file)
        assert spec and spec.loader
        sys.modules[top] = module = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[top]
            raise
    return importlib.import_module(name)


def project_folder() -> Path:
    """The root of the project around the user, which paths in a profile are relative to; without one, where they stand.

    Raises:
      ProjectError: its pyproject.toml cannot be read.
    """
    here = _here()
    return (project_table(here, ProjectError) or (here,))[0]


def roots() -> list[Path]:
    """Where modules of the user's own lie: the project's root, the same from wherever they stand, then that folder, and
    the nearest with a pyproject.toml."""
    here = _here()
    around = next((folder for folder in (here, *here.parents) if (folder / "pyproject.toml").is_file()), here)
    return list(dict.fromkeys((project_folder(), here, around)))


def _here() -> Path:
    """The folder that the user stands in; a worker is told."""
    return Path(os.environ.get(STANDS) or Path.cwd())
