"""`edgekit TASK`: the same tasks as `invoke TASK`, anywhere."""

from __future__ import annotations

from invoke import Exit, ParseError, Program

from edgekit import __version__
from edgekit.tasks import namespace


class _Program(Program):
    """A command line whose own mistakes are the user's input: exit status 2, where invoke says 1."""

    def parse_tasks(self) -> None:
        try:
            super().parse_tasks()
        except ParseError as error:
            raise Exit(f"edgekit: {error} See edgekit --list, or edgekit --help TASK.", 2) from None


def main() -> None:
    """Runs the command line."""
    _Program(name="edgekit", namespace=namespace, version=__version__).run()


if __name__ == "__main__":
    main()
