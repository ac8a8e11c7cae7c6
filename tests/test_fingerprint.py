import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import edgekit
from edgekit.engine.fingerprint import Fingerprints
from edgekit.engine.libraries import library
from edgekit.engine.store import Store

STEP = "edgekit.quantize.int8"
PROGRAM = """
import sys
from pathlib import Path
from edgekit.engine.fingerprint import Fingerprints
from edgekit.engine.store import Store
fingerprints = Fingerprints(Store(Path("store")))
print(fingerprints.code(sys.argv[1].partition(":")[0]))
fingerprints.save()
"""


@pytest.fixture
def package(tmp_path):
    """A copy of edgekit's sources that may be edited."""
    ignore = shutil.ignore_patterns("__pycache__")
    return shutil.copytree(Path(edgekit.__file__).parent, tmp_path / "edgekit", ignore=ignore)


@pytest.fixture
def code(package, tmp_path):
    """The fingerprint of a step, as the next command would find it."""

    def fingerprint(step=STEP):
        environment = os.environ | {"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-c", PROGRAM, step]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        ).stdout.strip()

    return fingerprint


def edit(file, old, new):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""Float `.tflite` to', '"""From float `.tflite` to'),
        ("\ndef quantize(", "\n# A comment.\n\n\ndef quantize("),
        ("    io = ", "    io  =  "),
    ],
    ids=["docstring", "comment", "layout"],
)
def test_words_and_layout_do_not_count(package, code, old, new):
    before = code()
    edit(package / "quantize/int8.py", old, new)
    assert code() == before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("quantize/int8.py", "row + 1", "row + 2"),
        ("quantize/int8.py", 'INT8 = "model.tflite"', 'INT8 = "m.tflite"'),
        ("data/samples.py", "TEST_SHARE = 0.2", "TEST_SHARE = 0.3"),
        ("flatbuffer/read.py", "import ", "import os\nimport "),
    ],
    ids=["expression", "constant", "module it imports", "module that a module imports"],
)
def test_code_counts(package, code, file, old, new):
    before = code()
    edit(package / file, old, new)
    assert code() != before


@pytest.mark.parametrize("file", ["tasks/flow.py", "compress/prune.py", "report/markdown.py", "runtimes/tflm.py"])
def test_code_that_the_step_does_not_use_does_not_count(package, code, file):
    before = code()
    (package / file).write_text("raise SystemExit")
    assert code() == before


def test_an_import_inside_a_function_counts(package, code):
    before = code("edgekit.data.read:read")
    edit(package / "data/folder.py", "np.empty(0)", "np.empty(1)")
    assert code("edgekit.data.read:read") != before


@pytest.mark.parametrize(
    ("step", "file"),
    [
        ("edgekit.ccode.generate:generate", "ccode/kernels/add.c"),
        ("edgekit.firmware.run:run", "firmware/board/start.c"),
    ],
)
def test_the_c_that_a_step_writes_or_compiles_counts(package, code, step, file):
    before = code(step)
    edit(package / file, "int", "long")
    assert code(step) != before


def test_the_code_of_a_step_outside_the_package_counts_with_what_it_imports(package, code, tmp_path):
    own = tmp_path / "own.py"
    own.write_text("from edgekit.data.samples import TEST_SHARE\n")
    before = code("own")
    edit(package / "data/samples.py", "TEST_SHARE = 0.2", "TEST_SHARE = 0.3")
    changed = code("own")
    edit(own, "TEST_SHARE", "TEST_SHARE as SHARE")
    assert len({before, changed, code("own")}) == 3


def test_changing_back_gives_the_old_fingerprint(package, code):
    before = code()
    edit(package / "quantize/int8.py", "row + 1", "row + 2")
    code()
    edit(package / "quantize/int8.py", "row + 2", "row + 1")
    assert code() == before


class TestFiles:
    def test_content_counts_and_time_does_not(self, tmp_path):
        store, file = Store(tmp_path / "store"), tmp_path / "f"
        hashes = []
        for content in (b"one", b"one", b"two"):
            file.write_bytes(content)
            fingerprints = Fingerprints(store)
            hashes.append(fingerprints.file(file))
            fingerprints.save()
        assert hashes[0] == hashes[1] != hashes[2]

    def test_a_file_that_was_changed_and_dated_back_is_noticed(self, tmp_path):
        store, file = Store(tmp_path / "store"), tmp_path / "f"
        file.write_bytes(b"one")
        fingerprints = Fingerprints(store)
        before, stat = fingerprints.file(file), file.stat()
        fingerprints.save()
        file.write_bytes(b"two")
        os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        assert Fingerprints(store).file(file) != before

    def test_a_damaged_memory_is_forgotten(self, tmp_path):
        store, file = Store(tmp_path / "store"), tmp_path / "f"
        file.write_bytes(b"one")
        fingerprints = Fingerprints(store)
        before = fingerprints.file(file)
        fingerprints.save()
        (store.folder / "fingerprints.json").write_text("{")
        assert Fingerprints(store).file(file) == before


def test_versions_of_libraries():
    import msgspec

    assert library("msgspec") == msgspec.__version__
    assert library("no-such-library") == ""
