"""`edgekit` on PyPI belongs to somebody else: ours has another name there, and no line installs theirs."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from edgekit.engine.libraries import DISTRIBUTION, package_url

ROOT = Path(__file__).parents[2]
STRANGERS = re.compile(
    r"""\b(?:install|add|inject)(?:\s+-\S+)*\s+["']?edgekit(?!-tflite\ @\ |_tflite-\S*\.whl|[-\w]*/)"""
    r"""|(?<![\w/.-])edgekit(?:\[[a-z]|\s?[=~<>]=\s?\d)""",
    re.VERBOSE,
)
"""A line that makes pip ask PyPI for `edgekit`, or for a name of ours that is not registered there."""
TEXTS = {".py", ".md", ".toml", ".jinja", ".yml", ".yaml", ".txt", ".html", ".cfg", ".sh", ""}


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("pip install edgekit", True),
        ("pip install -U 'edgekit[mlflow]'", True),
        ("uv add edgekit-tflite", True),
        ("pipx install --force edgekit", True),
        ("edgekit==0.1", True),
        ("edgekit >= 0.1", True),
        ("edgekit[test]", True),
        ("pip install 'edgekit-tflite @ git+https://HOST/PATH@COMMIT'", False),
        ("pip install edgekit_tflite-0.1.0-py3-none-any.whl", False),
        ("pip install -e '.[test]'", False),
        ("edgekit build", False),
    ],
)
def test_what_counts_as_a_line_that_installs_a_stranger(line, wrong):
    assert bool(STRANGERS.search(line)) == wrong


def test_no_line_of_code_docs_or_templates_installs_a_stranger():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    files = [ROOT / name for name in listed.splitlines()]
    texts = [f for f in files if f.suffix in TEXTS and f.is_file() and f != Path(__file__)]
    assert len(texts) > 300
    found = [
        f"{file.relative_to(ROOT)}: {line.strip()}"
        for file in texts
        for line in file.read_text().splitlines()
        if STRANGERS.search(line)
    ]
    assert not found


def test_what_is_said_of_a_package_is_of_ours():
    assert package_url("edgekit", "1.0") == "pkg:pypi/edgekit-tflite@1.0"
    assert package_url("numpy", "2.0") == "pkg:pypi/numpy@2.0"


def test_a_wheel_has_the_name_and_the_command(tmp_path):
    # hatchling, called as pip calls it, without a download of what is installed.
    code = f"from hatchling.build import build_wheel; print(build_wheel({str(tmp_path)!r}))"
    pytest.importorskip("hatchling")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    [wheel] = tmp_path.glob("edgekit_tflite-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        [metadata] = [name for name in names if name.endswith("METADATA")]
        text = archive.read(metadata).decode()
        [points] = [name for name in names if name.endswith("entry_points.txt")]
        assert "edgekit = edgekit.__main__:main" in archive.read(points).decode()
    assert f"Name: {DISTRIBUTION}\n" in text and "Requires-Dist: edgekit[" not in text
    assert {"edgekit/targets/phone.toml", "edgekit/commands/study.toml"} <= {*names}
