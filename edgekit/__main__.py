"""`edgekit TASK`: the same tasks as `invoke TASK`, anywhere."""

# ruff: noqa: E402
import os
import sys

# `python -m edgekit` puts the current folder first. A file that lies there is no library, so this goes before any
# import but those of what Python has loaded by itself.
sys.path[:] = [place for place in sys.path if place and os.path.realpath(place) != os.path.realpath(".")]

import signal

# Until there is something to leave in order, Ctrl-C ends the process at once instead of in the middle of an import.
interrupted = signal.getsignal(signal.SIGINT)
if interrupted is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from edgekit import __version__
from edgekit.engine.python import safe_path
from edgekit.tasks import namespace
from edgekit.tasks.outcome import run
from edgekit.tasks.program import CommandLine


def main() -> None:
    """Runs the command line."""
    sys.path[:] = safe_path()
    signal.signal(signal.SIGINT, interrupted)
    sys.exit(run(CommandLine(name="edgekit", namespace=namespace, version=__version__).run))


if __name__ == "__main__":
    main()
