"""Whether this environment can build."""

from __future__ import annotations

import platform
import shutil
import subprocess
from collections.abc import Sequence

from msgspec import Struct

from edgekit.engine import worker
from edgekit.engine.confine import NOTHING, holds
from edgekit.engine.libraries import library
from edgekit.errors import EdgekitError
from edgekit.firmware.run import PACKAGES, missing, versions
from edgekit.report.console import print_table
from edgekit.report.text import shown
from edgekit.runtimes import BASELINE, RUNTIMES, engine, installed

LIBRARIES = ("tensorflow", "tf-keras", "keras", "tensorflow-model-optimization", "numpy")
COMPILERS = ("gcc", "g++")


class Diagnosis(Struct, frozen=True):
    """One thing that builds need or use."""

    name: str
    version: str
    works: bool
    needed: bool
    """Whether no build goes without it."""
    advice: str = ""


def examine() -> list[Diagnosis]:
    """Python, the libraries and runtimes (each loaded in a process of its own), and the compilers."""
    findings = [Diagnosis("python", platform.python_version(), True, True)]
    findings += [_library(name) for name in LIBRARIES]
    findings.append(_loads("tensorflow loads", "edgekit.commands.doctor:load_tensorflow", True))
    findings += [_runtime(name) for name in RUNTIMES]
    findings.append(_confinement())
    findings += [_compiler(name) for name in COMPILERS]
    findings += [_tool(name, package) for name, package in PACKAGES.items()]
    return findings


@shown
def print_findings(findings: Sequence[Diagnosis]) -> None:
    """What there is, and what to install."""
    rows = [[f.name, f.version, "ok" if f.works else "missing" if f.needed else "absent", f.advice] for f in findings]
    print_table(["what", "version", "state", "advice"], rows)


def load_tensorflow() -> str:
    """Imports what the stages import; returns TensorFlow's version."""
    import tensorflow as tf
    import tensorflow_model_optimization as tfmot

    assert tfmot.sparsity.keras.prune_low_magnitude
    return str(tf.__version__)


def load_runtime(name: str) -> str:
    """Imports a runtime; returns its version."""
    from edgekit import runtimes

    runtimes.load_runtime(name)
    return runtimes.installed(name) or ""


def _confinement() -> Diagnosis:
    found = holds()
    lacking = [name for name in ("Landlock", "seccomp") if not any(have.startswith(name) for have in found)]
    advice = f"without {' and '.join(lacking)}, which Linux 5.13 and later have: {NOTHING}" if lacking else ""
    return Diagnosis("confinement", ", ".join(found), not lacking, False, advice)


def _library(name: str) -> Diagnosis:
    version = library(name)
    return Diagnosis(name, version, bool(version), True, "" if version else f"pip install {name}")


def _loads(name: str, function: str, needed: bool, *arguments: str) -> Diagnosis:
    try:
        return Diagnosis(name, worker.call(function, *arguments, returns=str, time_limit=120), True, needed)
    except EdgekitError as error:
        return Diagnosis(name, "", False, needed, str(error))


def _runtime(name: str) -> Diagnosis:
    needed = name == BASELINE
    if installed(name) is None:
        return Diagnosis(name, "", False, needed, f"pip install {engine(name).package}, where it has a wheel")
    return _loads(name, "edgekit.commands.doctor:load_runtime", needed, name)


def _tool(name: str, package: str) -> Diagnosis:
    there = shutil.which(name) is not None
    version = versions()[name] if there and not missing() else ""
    return Diagnosis(name, version, there, False, "" if there else f"simulates Cortex-M: apt-get install {package}")


def _compiler(name: str) -> Diagnosis:
    path = shutil.which(name)
    if path is None:
        return Diagnosis(name, "", False, False, f"only tests of C sources want it: apt-get install {name}")
    version = subprocess.run([path, "-dumpfullversion"], capture_output=True, text=True).stdout.strip()
    return Diagnosis(name, version, True, False)
