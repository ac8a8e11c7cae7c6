"""`edgekit TASK`: the same tasks as `invoke TASK`, anywhere."""

from __future__ import annotations

from invoke import Program

from edgekit import __version__
from edgekit.tasks import namespace


def main() -> None:
    """Runs the command line."""
    Program(name="edgekit", namespace=namespace, version=__version__).run()


if __name__ == "__main__":
    main()
