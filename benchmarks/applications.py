"""Models of `keras.applications` with random weights: read from Keras 3, rebuilt, converted and quantized.

python benchmarks/applications.py                    all, as a table on standard output
python benchmarks/applications.py WAY FILE OUT       one model, one way, in this process; prints figures as JSON
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ["TF_USE_LEGACY_KERAS"] = "1"

MODELS = (
    *("MobileNet", "MobileNetV2", "MobileNetV3Small", "MobileNetV3Large", "EfficientNetB0"),
    *("DenseNet121", "NASNetMobile", "ResNet50", "Xception"),
)
COMPARED = MODELS[:5]
SHAPE = (96, 96, 3)
SAMPLES = 32


def make(name: str, file: str) -> None:
    import keras

    keras.utils.set_random_seed(1)
    getattr(keras.applications, name)(input_shape=SHAPE, weights=None, classes=10).save(file)


def with_edgekit(file: str, out: str) -> dict[str, object]:
    """Reads, converts and quantizes as a build does."""
    import keras
    import tensorflow as tf

    from edgekit.flatbuffer.read import read_graph
    from edgekit.model.read import KERAS, load_file, open_keras
    from edgekit.quantize.convert import convert
    from edgekit.quantize.int8 import quantize
    from edgekit.quantize.integers import float_operators
    from edgekit.quantize.settings import Quantize
    from edgekit.types import Reading

    start = time.perf_counter()
    keras.saving.load_model(file, compile=False)
    keras_seconds = time.perf_counter() - start
    start = time.perf_counter()
    facts = load_file.run(out, file, Reading())
    load_seconds = time.perf_counter() - start
    assert tf and facts.form == "keras", facts.untrainable
    model = open_keras(f"{out}/{KERAS}", "")
    start = time.perf_counter()
    content = quantize(convert(model), [_samples()], Quantize())
    seconds = time.perf_counter() - start
    path = Path(out) / "edgekit.tflite"
    path.write_bytes(content)
    return {
        "load": load_seconds / keras_seconds,
        "seconds": seconds,
        "bytes": len(content),
        "floats": float_operators(read_graph(path)),
    }


def with_tensorflow(file: str, out: str) -> dict[str, object]:
    """Converts and quantizes the same weights with `from_keras_model`."""
    import conversion

    from edgekit.model.read import KERAS, open_keras

    model, samples = open_keras(f"{out}/{KERAS}", ""), _samples()
    start = time.perf_counter()
    content = conversion.with_tensorflow(model, samples)
    seconds = time.perf_counter() - start
    (Path(out) / "tensorflow.tflite").write_bytes(content)
    return {"seconds": seconds}


def only_edgekit(file: str, out: str) -> dict[str, object]:
    """What `with_tensorflow` does, edgekit's way, for its memory."""
    from edgekit.model.read import KERAS, open_keras
    from edgekit.quantize.convert import convert
    from edgekit.quantize.int8 import quantize
    from edgekit.quantize.settings import Quantize

    start = time.perf_counter()
    quantize(convert(open_keras(f"{out}/{KERAS}", "")), [_samples()], Quantize())
    return {"seconds": time.perf_counter() - start}


def _samples():
    import numpy as np

    return np.random.default_rng(1).random((SAMPLES, *SHAPE), dtype=np.float32)


def in_process(way: str, *arguments: str) -> dict[str, object]:
    command = [sys.executable, __file__, way, *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """All models, each step in a process of its own."""
    from edgekit.engine import worker
    from edgekit.report.markdown import table

    rows = []
    for name in MODELS:
        with tempfile.TemporaryDirectory() as folder:
            file = f"{folder}/{name}.keras"
            in_process("make", name, file)
            ours = in_process("edgekit", file, folder)
            row = [name, f"{ours['bytes']:,}", ", ".join(ours["floats"]) or "all", f"{ours['load']:.1f}", "", "", ""]
            if name in COMPARED:
                theirs = in_process("tensorflow", file, folder)
                alone = in_process("memory", file, folder)
                files = [f"{folder}/{way}.tflite" for way in ("edgekit", "tensorflow")]
                same = worker.call("run:same_outputs", *files, returns=bool)
                row[4:] = [
                    f"{ours['seconds'] / theirs['seconds']:.2f}",
                    "yes" if same else "no",
                    f"{alone['peak'] / theirs['peak']:.2f}",
                ]
            rows.append(row)
            print(*row, sep=" | ", file=sys.stderr, flush=True)
    head = ["model", "int8 bytes", "integer", "read / Keras load", "convert / TensorFlow", "same outputs", "memory"]
    page = f"""# Models of keras.applications

Random weights, {"x".join(map(str, SHAPE))} inputs, {SAMPLES} calibration samples; made by
`python benchmarks/applications.py`, each step in a process of its own.
"Read" is reading the Keras 3 file, rebuilding it in Keras 2 and checking that both give the same outputs, divided by
the time that Keras takes to load it. "Convert" is conversion and quantization, divided by the time of
`from_keras_model`; "memory" is the same ratio of peak memory. Both models must give the same answers to 100
random inputs.

{table(head, rows)}
"""
    (Path(__file__).parents[1] / "docs/measured/applications.md").write_text(page)
    print(table(head, rows))


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    elif sys.argv[1] == "make":
        make(*sys.argv[2:])
        print("{}")
    else:
        ways = {"edgekit": with_edgekit, "tensorflow": with_tensorflow, "memory": only_edgekit}
        figures = ways[sys.argv[1]](*sys.argv[2:])
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(json.dumps(figures | {"peak": peak}))
