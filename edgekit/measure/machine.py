"""The machine on which something was measured, so that its figures can be labelled."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from edgekit.types import Machine


def machine() -> Machine:
    """This machine."""
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    return Machine(_cpu(), _cores(), system, _python(), _cpus(), " ".join(platform.libc_ver()).strip())


def _cpu() -> str:
    """From /proc/cpuinfo, whose key is `model name` on x86 and `Model` on an Arm board."""
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    named = {key.strip().lower(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    for key in ("model name", "model", "hardware"):
        if named.get(key, "").strip("0123456789"):  # on x86, `model` is a number
            return named[key]
    return platform.processor() or platform.machine() or "unknown"


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cpus() -> str:
    return ",".join(map(str, sorted(os.sched_getaffinity(0)))) if hasattr(os, "sched_getaffinity") else ""


def _python() -> str:
    return f"{platform.python_implementation()} {platform.python_version()}"
