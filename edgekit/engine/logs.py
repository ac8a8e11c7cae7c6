"""Files for what is printed before an error that nobody foresaw: in the folder for temporary files, for a week."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
import time
from pathlib import Path

NAME = "edgekit-error-"
WEEK = 7 * 24 * 3600
"""Seconds."""


def new_log() -> Path:
    """An empty file for one. The user's own of more than a week ago are removed.

    Raises:
      OSError: there is no place for it.
    """
    for old in Path(tempfile.gettempdir()).glob(f"{NAME}*.log"):
        with contextlib.suppress(OSError):
            found = old.lstat()
            if stat.S_ISREG(found.st_mode) and found.st_uid == os.getuid() and time.time() - found.st_mtime > WEEK:
                old.unlink()
    handle, place = tempfile.mkstemp(prefix=NAME, suffix=".log")
    os.close(handle)
    return Path(place)
