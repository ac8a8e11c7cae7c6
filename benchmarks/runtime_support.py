"""Asks every release of the TFLite runtimes which operators it has; writes edgekit/runtimes/support.json.

python benchmarks/runtime_support.py

Each release is installed into an environment of its own, for the newest Python on this machine that it has a wheel for.
A model with nothing but the operator's code is refused when it is opened, if the runtime has no such kernel. Codes of
custom operators are refused when tensors are allocated for one: "unresolved custom op".
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import flatbuffers

from edgekit.files import write
from edgekit.flatbuffer.schema import accessors

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {"litert": "ai-edge-litert", "tflite-runtime": "tflite-runtime"}
MODULES = {"litert": "ai_edge_litert.interpreter", "tflite-runtime": "tflite_runtime.interpreter"}
PYTHONS = ("3.13", "3.12", "3.11", "3.10", "3.9", "3.8", "3.7")
NEWEST = 24
"""Versions of an operator that are tried; no runtime has reached it."""
CUSTOM = (
    "AudioSpectrogram BasicClassifier CIRCULAR_BUFFER Convolution2DTransposeBias ExtractGlimpse MaxPoolingWithArgmax2D "
    "MaxUnpooling2D Mfcc NumericVerify TFLite_Detection_PostProcess TFLM_DECODE ethos-u odml.detector"
).split()
ASK = """
import json, sys
from importlib import import_module
Interpreter = import_module(sys.argv[1]).Interpreter
has = {}
for name, models in json.load(open(sys.argv[2])).items():
    for version, model in enumerate(models, 1):
        try:
            Interpreter(model_content=bytes.fromhex(model))
            has[name] = version
        except (ValueError, RuntimeError):
            pass
print(json.dumps(has))
"""
ASK_CUSTOM = """
import sys
from importlib import import_module
Interpreter = import_module(sys.argv[1]).Interpreter
try:
    Interpreter(model_content=bytes.fromhex(sys.argv[2])).allocate_tensors()
except (ValueError, RuntimeError, SystemError) as problem:
    print(problem)
"""


def probe(code: int, version: int, custom: str = "") -> str:
    """A model that holds an operator's code, and no operator if it is none of the custom ones."""
    s = accessors()
    operator = s.OperatorCodeT()
    operator.builtinCode, operator.deprecatedBuiltinCode, operator.version = code, min(code, 127), version
    operator.customCode = custom or None
    graph = s.SubGraphT()
    graph.tensors, graph.inputs, graph.outputs, graph.operators = [], [], [], []
    if custom:
        graph.operators = [s.OperatorT()]
        graph.operators[0].inputs = graph.operators[0].outputs = []
    model = s.ModelT()
    model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, [operator], [graph], [s.BufferT()]
    builder = flatbuffers.Builder(256)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output()).hex()


def probes() -> dict[str, list[str]]:
    """By operator the models that ask for it, from version 1 on."""
    codes = {name: code for name, code in vars(accessors().BuiltinOperator).items() if name.isupper()}
    del codes["CUSTOM"]
    return {name: [probe(code, v) for v in range(1, NEWEST + 1)] for name, code in codes.items()}


def ask(runtime: str, release: str, models: Path, work: Path) -> dict[str, int] | None:
    """The newest version of each operator that a release has; None where it has no wheel for any Python here."""
    for python in (found for version in PYTHONS if (found := shutil.which(f"python{version}"))):
        place = work / f"{runtime}-{release}"
        shutil.rmtree(place, ignore_errors=True)
        subprocess.run([python, "-m", "venv", place], check=True)
        pip = [place / "bin/pip", "install", "-q", "--disable-pip-version-check", "--only-binary=:all:"]
        wheel = f"{PACKAGES[runtime]}=={release}"
        # Older ones were built against NumPy 1, and fail at every call with a newer one.
        if all(subprocess.run([*pip, wheel, numpy], capture_output=True).returncode for numpy in ("numpy<2", "numpy")):
            continue
        command = [place / "bin/python", "-c"]
        done = subprocess.run([*command, ASK, MODULES[runtime], models], capture_output=True, text=True)
        if done.returncode:
            print(runtime, release, python, done.stderr[-300:], file=sys.stderr)
            continue
        has = dict(json.loads(done.stdout.splitlines()[-1]))
        for name in CUSTOM:
            asked = [*command, ASK_CUSTOM, MODULES[runtime], probe(accessors().BuiltinOperator.CUSTOM, 1, name)]
            # A kernel that is there is called, and may not survive an operator without inputs.
            if "unresolved custom op" not in subprocess.run(asked, capture_output=True, text=True).stdout:
                has[name] = 1
        return has
    return None


def releases(package: str) -> list[str]:
    """All releases of a package, the oldest first, and of each minor one the last."""
    found = set()
    for python in (p for version in PYTHONS if (p := shutil.which(f"python{version}"))):
        command = [python, "-m", "pip", "index", "versions", package]
        said = subprocess.run(command, capture_output=True, text=True).stdout
        found |= set(re.findall(r"\d+\.\d+\.\d+", said.partition("versions:")[2].splitlines()[0] if said else ""))
    last = {tuple(map(int, r.split(".")[:2])): r for r in sorted(found, key=lambda r: [*map(int, r.split("."))])}
    return list(last.values())


def main() -> None:
    """Asks them all and writes the table."""
    table: dict[str, dict[str, dict[str, int]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        models = Path(folder) / "probes.json"
        models.write_text(json.dumps(probes()))
        for runtime, package in PACKAGES.items():
            for release in releases(package):
                has = ask(runtime, release, models, Path(folder))
                print(runtime, release, "no wheel" if has is None else f"{len(has)} operators", flush=True)
                if has:
                    table.setdefault(runtime, {})[release] = dict(sorted(has.items()))
    lines = [
        f'  "{runtime}": {{\n'
        + ",\n".join(f'    "{release}": {json.dumps(has)}' for release, has in of.items())
        + "\n  }"
        for runtime, of in table.items()
    ]
    write(ROOT / "edgekit/runtimes/support.json", ("{\n" + ",\n".join(lines) + "\n}\n").encode())


if __name__ == "__main__":
    main()
