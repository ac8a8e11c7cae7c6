"""What the tests of emitted sources call in a worker for TFLM."""

from pathlib import Path

import numpy as np

from edgekit.ccode.generate import generate_file
from edgekit.emit.c_array import CArray
from edgekit.emit.kit import Kit, files
from edgekit.flatbuffer.detection import without_detection
from edgekit.flatbuffer.read import read_graph
from edgekit.runtimes import open_session
from edgekit.runtimes.values import random_inputs

LABELS = ('??/"); system("', "*/ \\", "Käse\n", "%s\t\x7f", "7\x001")


def write_golden(model: str, place: str, count: int = 5) -> None:
    """Golden vectors of random inputs."""
    session, columns = open_session("tflm", model), {}
    for seed in range(count):
        session.reset()
        inputs = random_inputs(session.inputs, seed)
        session.set_inputs(inputs)
        session.invoke()
        for way, arrays in (("input", inputs), ("output", session.get_outputs())):
            for number, array in enumerate(arrays):
                columns.setdefault(f"{way}_{number}", []).append(array)
    arrays = {name: np.stack(column) for name, column in columns.items()}
    facts = {
        "row": np.zeros(count),
        "sha256": np.asarray(read_graph(Path(model)).sha256),
        "runtime": np.asarray("tflm 1"),
    }
    np.savez(place, **arrays, **facts)


def write_kit(model: str, folder: str, standalone: bool = True) -> None:
    """The whole `c/` of a model, its golden vectors included."""
    place = str(Path(model).with_name("golden.npz"))
    write_golden(model, place)
    code = generate_file.run(folder, model, "net", "portable", None) if standalone else None
    ends = (code.inputs, code.outputs) if code else None
    engines = ("standalone", "tflm") if standalone else ("tflm",)
    kit = Kit(CArray("net"), engines, open_session("tflm", model).arena(), LABELS, ends, place)
    for name, text in files(Path(model), kit).items():
        (Path(folder) / name).write_text(text, encoding="ascii")


def write_detector(model: str, folder: str) -> None:
    """The `c/` of a detector in standalone C, with golden vectors of what it is without its last operator."""
    ended, place = Path(model).with_name("ended.tflite"), str(Path(model).with_name("golden.npz"))
    ended.write_bytes(without_detection(Path(model).read_bytes()))
    write_golden(str(ended), place)
    code = generate_file.run(folder, model, "net", "portable", None)
    kit = Kit(CArray("net"), ("standalone",), ends=(code.inputs, code.outputs), golden=place)
    for name, text in files(Path(model), kit).items():
        (Path(folder) / name).write_text(text, encoding="ascii")


def through(model: str, values: str) -> None:
    """Saves what a model of one input and output makes of the rows of `values.npy` beside it, as `made.npy`."""
    session = open_session("tflm", model)
    made = []
    for row in np.load(values):
        session.set_inputs([row.reshape(session.inputs[0].shape)])
        session.invoke()
        made.append(session.get_outputs()[0].ravel())
    np.save(Path(model).with_name("made.npy"), np.stack(made))
