"""A command from outside the package, as docs/contributing.md shows it: `edgekit digest FILE`."""

from pathlib import Path

from invoke import Context

from edgekit.tasks.common import command, options, task


@task(
    group="files",
    usage="FILE [options]",
    examples={
        "digest model.tflite": "the hash by which reports and manifests name the file",
        "digest model.tflite --json": "the same for a program",
    },
    positional=["path"],
    help=options("json", path="FILE: any file"),
)
@command
def digest(c: Context, path: str, json: bool = False) -> None:
    """Print the SHA-256 of a file.

    Reports, manifests and releases name files by it.
    """
    from edgekit.files import sha256
    from edgekit.report.console import print_json

    found = sha256(Path(path))
    print_json(found) if json else print(found)
