"""Files called like libraries, as they could lie in the folder of a model that was unpacked."""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

LIBRARIES = (
    *("PIL", "absl", "ai_edge_litert", "ai_edge_quantizer", "ethosu", "filelock", "flatbuffers", "google", "h5py"),
    *("invoke", "jinja2", "keras", "matplotlib", "ml_dtypes", "msgspec", "numpy", "psutil", "rich", "tensorflow"),
    *("tensorflow_model_optimization", "tf_keras", "tflite_micro", "tflite_runtime", "tomli"),
    *("sitecustomize", "usercustomize"),
)
_PROGRAM = "import runpy, pkgutil, importlib.util, sys; print(*sys.modules)"
BY_PYTHON_ITSELF = set(subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True).stdout.split())
"""What `python -m` imports before the program is there."""


def lay(folder: Path, names: Iterable[str]) -> list[Path]:
    """Writes a file for each name that leaves a mark where it is imported, and fails."""
    folder.mkdir(exist_ok=True)
    files = [folder / f"{name}.py" for name in names]
    for file in files:
        mark = f"open({str(folder / 'marks')!r}, 'a').write({file.stem + chr(10)!r})"
        file.write_text(f"{mark}\nraise ImportError({file.stem!r})\n")
    return files


def marks(folder: Path) -> str:
    """The names of those that were imported."""
    place = folder / "marks"
    return place.read_text() if place.is_file() else ""
