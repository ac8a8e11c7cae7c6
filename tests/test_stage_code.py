"""The key of a stage covers the code that makes its result: no less, and of the runtimes and renderers no more."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

import edgekit
import edgekit.build
from edgekit.engine import fingerprint
from edgekit.engine.fingerprint import Fingerprints
from edgekit.engine.make import Maker, Silent
from edgekit.engine.store import Store
from edgekit.engine.worker import QUIET
from edgekit.files import sha256
from edgekit.profile.profiles import load_pairs
from edgekit.profile.project import find_project, select_models
from edgekit.types import Reading

ROOT = Path(edgekit.__file__).parents[1]
SAMPLES = 64
SETTINGS = (
    f"recipe.quantize.calibration_samples={SAMPLES}",
    "recipe.prune.epochs=0",
    "recipe.cluster.clusters=16",
    "recipe.cluster.epochs=0",
    "recipe.shrink.lookup_tables=true",
    'runtimes.compare=["litert", "tflite-runtime"]',
    "runtimes.patience=0 s",
)
REFERENCE = {"shrink", "score litert-reference"}
RUN = {
    "litert": {"prove litert", "score float", "score prune", "score cluster", "score litert", *REFERENCE},
    "litert_reference": REFERENCE,
    "tflite_runtime": {"prove tflite-runtime", "score tflite-runtime"},
    "tflm": {"prove tflm", "score tflm", "lookup tables", "arena", "golden", "standalone C"},
}
"""The stages that each runtime's file decides; LiteRT's is also the reference's. Beside those that the runtimes' names
tell: `time`, in which all that are compared run, and `record`, where two part."""
ALONE = (
    *("prune", "quantize", "shrink", "lookup tables", "prove tflm"),
    *(
        "score tflm",
        "score litert",
        "score tflite-runtime",
        "score litert-reference",
        "agree litert",
        "golden",
        "arena",
    ),
    *("describe", "check operators", "standalone C", "simulate", "emit", "anatomy", "differences", "render", "bill"),
)
PROBE = """
import json, sys
from importlib import import_module
import msgspec
path, folder = sys.argv[1:]
module, name = path.split(":")
result = getattr(import_module(module), name).run(folder, **json.load(sys.stdin))
sys.stdout.buffer.write(b"\\n" + msgspec.json.encode(result))
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """By the name of its stage, each call of a real build, with what it made."""
    folder, found = tmp_path_factory.mktemp("build"), {}

    class Recording(Maker):
        def make(self, call, scope, time_limit=None):
            result = super().make(call, scope, time_limit)
            found[call.name] = call, result
            return result

    with np.load(ROOT / "assets/digits.npz") as digits:
        np.savez(folder / "digits.npz", **{name: digits[name][: 2 * SAMPLES] for name in digits.files})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(edgekit.build, "Maker", Recording)
        patch.setenv("EDGEKIT_STORE", str(folder / "store"))
        project = find_project(ROOT)
        specs = select_models(project, "digits", str(folder / "digits.npz"), Reading())
        pairs = load_pairs(project, specs, ["microcontroller"], SETTINGS)
        edgekit.build.build(project, pairs, folder / "out", SETTINGS, Silent())
    return found


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A copy of edgekit's sources that may be edited, from which fingerprints are taken."""
    copy = shutil.copytree(ROOT / "edgekit", tmp_path / "edgekit", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(fingerprint, "_ROOT", copy)
    fingerprint._source.cache_clear()
    yield copy
    fingerprint._source.cache_clear()


def codes(made, store):
    fingerprints = Fingerprints(Store(store))
    return {name: fingerprints.code(call.stage.module, *call.modules) for name, (call, _) in made.items()}


def changed_by(file, made, folder):
    """The stages whose code another one does not have any more."""
    before = codes(made, folder / "store")
    file.write_text(file.read_text() + "\nADDED = 1\n")
    after = codes(made, folder / "store")
    return {name for name in made if before[name] != after[name]}


@pytest.mark.parametrize("runtime", RUN)
def test_a_runtime_decides_what_it_runs_and_nothing_else(made, package, tmp_path, runtime):
    changed = changed_by(package / f"runtimes/{runtime}.py", made, tmp_path)
    names = ["litert", "litert-reference"] if runtime == "litert" else [runtime.replace("_", "-")]
    recorded = {stage for stage in made if stage.startswith(tuple(f"record {name} for" for name in names))}
    in_time = set() if runtime == "litert_reference" else {"time"}
    assert changed == RUN[runtime] | recorded | in_time


@pytest.mark.parametrize("renderer", ["html", "junit", "sarif", "receipt"])
def test_a_renderer_decides_what_is_rendered_and_nothing_else(made, package, tmp_path, renderer):
    assert changed_by(package / f"report/{renderer}.py", made, tmp_path) == {"render"}


@pytest.mark.parametrize(
    ("file", "apart"),
    [
        ("measure/metrics.py", {"prune", "cluster", "convert", "quantize", "shrink", "render", "load", "data"}),
        ("measure/judge.py", {*ALONE, "load", "time", "score original"}),
        ("profile/profiles.py", {*ALONE, "load", "time", "score original"}),
        ("runtimes/support.py", {*ALONE, "load", "time"} - {"check operators"}),
    ],
)
def test_what_a_stage_does_not_run_does_not_decide_it(made, package, tmp_path, file, apart):
    assert changed_by(package / file, made, tmp_path).isdisjoint(apart)


@pytest.mark.parametrize("name", ALONE)
def test_a_stage_runs_with_nothing_but_the_files_of_its_key(made, tmp_path, name):
    """So no other file can change its result: whatever it says, it is not there."""
    call, result = made[name]
    fingerprints = Fingerprints(Store(tmp_path / "store"))
    for module in (call.stage.module, *call.modules):
        for covered in fingerprints.closure(module):
            source = fingerprint._source(covered) if covered.split(".")[0] == "edgekit" else None
            place = (source or ROOT / "edgekit" / covered).relative_to(ROOT)
            (tmp_path / "alone" / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / place, tmp_path / "alone" / place)
    (tmp_path / "made").mkdir()
    environment = os.environ | QUIET | {"PYTHONPATH": str(tmp_path / "alone"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", PROBE, call.stage.path, str(tmp_path / "made")],
        input=msgspec.json.encode(call.arguments),
        capture_output=True,
        cwd=tmp_path,
        env=environment,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout.rpartition(b"\n")[2]) == json.loads(msgspec.json.encode(result.value))
    files = {file.name: sha256(file) for file in (tmp_path / "made").iterdir()}
    assert files == {file: artifact.sha256 for file, artifact in result.artifacts.items()}
