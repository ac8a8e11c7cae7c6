"""A command that is added as docs/contributing.md says is listed, explained, parsed, run and refused like any other."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ADDED = """
import sys
import edgekit.tasks
import digest
from edgekit.__main__ import main

edgekit.tasks.namespace.add_task(digest.digest)
sys.argv = ["edgekit", *sys.argv[1:]]
main()
"""


@pytest.fixture
def edgekit(tmp_path):
    """`edgekit ARGUMENTS` with the command, in a folder with one file."""
    (tmp_path / "model.tflite").write_bytes(b"content")

    def run(*arguments):
        code = f"import sys; sys.path.insert(1, {str(Path(__file__).parent)!r})\n{ADDED}"
        return subprocess.run([sys.executable, "-c", code, *arguments], cwd=tmp_path, capture_output=True, text=True)

    return run


def test_it_is_one_of_its_group(edgekit):
    files = edgekit().stdout.partition("Files:\n")[2].partition("\n\n")[0]
    assert files.splitlines()[-1].split(maxsplit=1) == ["digest", "Print the SHA-256 of a file."]


def test_it_explains_itself(edgekit):
    said = edgekit("digest", "-h").stdout
    assert said.startswith("Usage: edgekit digest FILE [options]\n\nPrint the SHA-256 of a file.\n\nReports, manifests")
    assert "  FILE        any file\n  -j, --json  print" in said and "  edgekit digest model.tflite --json\n" in said


def test_it_works_and_refuses(edgekit):
    assert edgekit("digest", "model.tflite").stdout.strip() == hashlib.sha256(b"content").hexdigest()
    for arguments, says in [
        (["digset", "model.tflite"], 'did you mean "digest"?'),
        (["digest"], "digest: FILE is missing; usage: edgekit digest FILE [options]"),
        (["digest", "nothing.tflite"], "nothing.tflite: No such file or directory"),
    ]:
        done = edgekit(*arguments)
        assert done.returncode == 2 and says in done.stderr and len(done.stderr.splitlines()) == 1


def test_the_page_shows_this_file():
    shown = (Path(__file__).with_name("digest.py")).read_text().partition("\n\n\n")[2]
    assert f"```python\n{shown}```\n" in (ROOT / "docs/contributing.md").read_text()
