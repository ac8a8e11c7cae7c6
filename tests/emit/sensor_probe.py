"""Models behind front-ends, and what the tests call in a worker for TFLM: their whole `c/`, with golden vectors that
start at the sensor."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from make_graph import Graph

from edgekit.ccode.generate import Code, generate_file
from edgekit.data.preprocessing import Preprocessing, preprocessed
from edgekit.emit.c_array import CArray
from edgekit.emit.kit import Kit, files
from edgekit.emit.sensor import Sensor
from edgekit.flatbuffer.read import read_graph
from edgekit.frontend.base import Raw
from edgekit.frontend.image import Image
from edgekit.frontend.log_mel import LogMel
from edgekit.frontend.mfcc import Mfcc
from edgekit.frontend.micro import Micro
from edgekit.frontend.spectrogram import Spectrogram
from edgekit.frontend.window import Window
from edgekit.runtimes import open_session
from edgekit.runtimes.values import quantize, random_inputs

SOUND = {"sample_rate": 8000, "window_ms": 16.0, "hop_ms": 16.0}
TENTH = Raw((800,), "int16")


class Case(NamedTuple):
    frontend: Any
    raw: Raw
    said: Preprocessing
    stored: tuple[float, int, str]
    """Scale, zero point and type of the model's input."""
    outputs: int = 1


CASES = {
    "log-mel": Case(LogMel(**SOUND, mel_bands=8), TENTH, Preprocessing(mean=-9.0, std=3.0), (0.031, 11, "INT8")),
    "mfcc": Case(
        Mfcc(**SOUND, mel_bands=8, coefficients=5),
        TENTH,
        Preprocessing(mean=(-9.0, 1.0, 0.0, 0.5, -1.0), std=(8.0, 3.0, 2.0, 1.5, 1.0)),
        (0.031, -7, "INT8"),
    ),
    "spectrogram": Case(Spectrogram(**SOUND), TENTH, Preprocessing(scale=0.25), (0.00021, 0, "INT16")),
    "micro": Case(Micro(), Raw((1600,), "int16"), Preprocessing(scale=1 / 25.6), (26 / 255, -128, "INT8")),
    "window": Case(
        Window(length=20, resolution=1 / 4096),
        Raw((20, 3), "int16"),
        Preprocessing(scale=(0.5, 1.0, -2.0), offset=(0.0, 0.1, 0.2)),
        (0.0625, 0, "INT8"),
        2,
    ),
    "picture": Case(
        Image(height=12, width=16, size=(6, 8)),
        Raw((12, 16, 3), "uint8"),
        Preprocessing(scale=2 / 255, offset=-1.0),
        (2 / 255, -1, "INT8"),
    ),
    "camera": Case(
        Image(height=12, width=16, size=(12, 12), crop="square", pixels="rgb565be", colours="grey"),
        Raw((12, 16), "uint16"),
        Preprocessing(scale=1 / 255),
        (1 / 255, -128, "INT8"),
    ),
    "bytes": Case(
        None,
        Raw((5, 4, 3), "uint8"),
        Preprocessing(mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375)),
        (0.0187, -14, "INT8"),
    ),
    "shorts": Case(None, Raw((40,), "int16"), Preprocessing(scale=1 / 32768), (1 / 32768, 0, "INT16")),
}


def model(case: Case) -> bytes:
    """A dense layer, or two."""
    g, rng = Graph(), np.random.default_rng(1)
    shape = case.frontend.shape(case.raw) if case.frontend else case.raw.shape
    x = g.input([1, *shape], *case.stored)
    flat = g.reshape(x, [1, int(np.prod(shape))])
    weights = [rng.integers(-127, 128, (4, int(np.prod(shape)))).astype(np.int8) for _ in range(case.outputs)]
    return g.finish(*[g.dense(flat, w, np.zeros(4, np.int64)) for w in weights])


def recordings(case: Case, count: int = 4) -> np.ndarray:
    """Random ones, and both ends of what the sensor gives."""
    rng, limits = np.random.default_rng(2), np.iinfo(case.raw.dtype)
    size = (count, *case.raw.shape)
    raw = rng.integers(limits.min, limits.max, size, case.raw.dtype, endpoint=True)
    raw[0] //= 64
    return np.concatenate([raw, np.full_like(raw[:1], limits.min), np.full_like(raw[:1], limits.max)])


def write_golden(path: Path, case: Case, raw: np.ndarray) -> Path:
    """What Python and TFLM make of recordings, and one vector that none gave."""
    session, columns = open_session("tflm", str(path)), dict[str, list[np.ndarray]]()
    if case.frontend:
        samples = case.frontend.features(raw).astype(np.float32) * np.float32(case.frontend.step)
    else:
        samples = raw.reshape(len(raw), *session.inputs[0].shape[1:])
    stored = quantize(preprocessed(samples, case.said), session.inputs[0])
    for sample in [*stored[:, None], *(s for s in random_inputs(session.inputs, 0))]:
        session.reset()
        session.set_inputs([sample.reshape(session.inputs[0].shape)])
        session.invoke()
        columns.setdefault("input_0", []).append(sample.reshape(session.inputs[0].shape))
        for number, array in enumerate(session.get_outputs()):
            columns.setdefault(f"output_{number}", []).append(array)
    facts = {"row": np.r_[np.arange(len(raw)), -1], "sha256": np.asarray(read_graph(path).sha256)}
    golden = path.with_name("golden.npz")
    arrays = {name: np.stack(column) for name, column in columns.items()}
    np.savez(golden, **arrays, **facts, raw=raw, runtime=np.asarray("tflm 1"))
    return golden


def write_kit(folder: str, name: str) -> Code:
    """`c/` of a case in both engines."""
    case, path = CASES[name], Path(folder) / "model.tflite"
    path.write_bytes(model(case))
    golden = write_golden(path, case, recordings(case))
    place = Path(folder) / "c"
    place.mkdir()
    code = generate_file.run(str(place), str(path), "net", "portable", None)
    arena = open_session("tflm", str(path)).arena()
    sensor = Sensor(case.frontend, case.raw, case.said) if case.frontend else None
    given = {"sensor": sensor} if sensor else {"preprocessing": case.said}
    ends = (code.inputs, code.outputs)
    kit = Kit(CArray("net"), ("standalone", "tflm"), arena, ends=ends, golden=str(golden), **given)
    for file, text in files(path, kit).items():
        (place / file).write_text(text, encoding="ascii")
    return code
