"""Which runtime executes which scheme, as the table of docs/decisions/schemes.md.

python benchmarks/schemes.py     prints it: how far the answers are from the float model's, or why there are none
"""

import re
import tempfile
from pathlib import Path

from commands import ROOT

from edgekit.data.calibration import calibration
from edgekit.data.read import read_dataset
from edgekit.data.spec import DataSpec, Preprocessing
from edgekit.engine.worker import Worker
from edgekit.errors import EdgekitError
from edgekit.quantize.schemes import quantize_with_scheme
from edgekit.quantize.settings import Quantize
from edgekit.report.markdown import table
from edgekit.runtimes import RUNTIMES
from edgekit.types import Reading, TensorSpec

IMAGE = TensorSpec("image", (1, 28, 28, 1), "float32")
DATA = DataSpec(str(ROOT / "assets" / "digits.npz"), "", Preprocessing(scale=1 / 255), (IMAGE,), 10, seed=1)
SCHEMES = {
    "int16x8": Quantize(scheme="int16x8"),
    "int4 weights, int8 activations": Quantize(scheme="int4"),
    "dynamic": Quantize(scheme="dynamic"),
    "weight-only": Quantize(scheme="weight-only"),
    'weight-only, `granularity = "tensor"`': Quantize(scheme="weight-only", granularity="tensor"),
    "float16": Quantize(scheme="float16"),
    "some layers in int16": Quantize(int16_layers=("conv2",)),
    "some layers in float": Quantize(float_layers=("conv2",)),
}


def prepare(folder: str) -> None:
    """The reference model as `float.tflite`, and with ranges as `calibrated.tflite`."""
    from edgekit.model.read import load_file
    from edgekit.quantize.convert import convert_file
    from edgekit.quantize.int8 import calibrate_file

    load_file.run(folder, str(ROOT / "assets" / "digits.keras"), Reading())
    convert_file.run(folder, f"{folder}/model.h5", "")
    calibrate_file.run(folder, f"{folder}/float.tflite", DATA, Quantize())


def answers(model: str, runtime: str) -> list[float]:
    """What a runtime makes of 64 images."""
    from edgekit.runtimes import open_session
    from edgekit.runtimes.values import run

    [images] = calibration(read_dataset(DATA), 64, DATA)
    session = open_session(runtime, model)
    return [float(v) for image in images for v in run(session, [image[None]])[0].ravel()]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        workers = {name: Worker(Path(folder) / f"{name}.log") for name in ("tensorflow", *RUNTIMES)}
        workers["tensorflow"].call("schemes:prepare", folder, returns=None)
        wanted = workers["litert"].call("schemes:answers", f"{folder}/float.tflite", "litert", returns=list[float])
        rows = []
        for name, settings in SCHEMES.items():
            source = f"{folder}/{'calibrated' if settings.static else 'float'}.tflite"
            workers["litert"].call(quantize_with_scheme, folder, source, settings, returns=str)
            rows.append([name, *(_cell(workers[runtime], runtime, folder, wanted) for runtime in RUNTIMES)])
        for worker in workers.values():
            worker.close()
    print(table(["scheme", *RUNTIMES], rows))


def _cell(worker: Worker, runtime: str, folder: str, wanted: list[float]) -> str:
    """SQNR in dB, or the operator that the runtime does not prepare."""
    import numpy as np

    try:
        given = worker.call("schemes:answers", f"{folder}/model.tflite", runtime, returns=list[float])
    except EdgekitError as error:
        operator = re.search(r"\(([A-Z_\d]+)\) failed|Node ([A-Z_\d]+) ", str(error))
        return f"no: {operator[1] or operator[2]} is refused" if operator else str(error)
    noise = np.subtract(wanted, given)
    return f"{10 * np.log10(np.square(wanted).sum() / np.square(noise).sum()):.1f} dB"


if __name__ == "__main__":
    main()
