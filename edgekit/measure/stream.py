"""A stream, measured: how well it detects in long recordings, and what it takes on a simulated core."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgekit import runtimes
from edgekit.ccode.generate import Code
from edgekit.data.archive import read_archive
from edgekit.data.arrays import RAW
from edgekit.data.preprocessing import preprocessed
from edgekit.data.spec import DataSpec
from edgekit.data.tracks import read_tracks
from edgekit.emit.sensor import Sensor
from edgekit.emit.stream import selftest_source, stream_source
from edgekit.engine.libraries import READING, TOOLS
from edgekit.engine.stage import Progress, Work, stage
from edgekit.errors import ModelError
from edgekit.firmware.cores import CORES, not_simulated
from edgekit.firmware.run import missing, versions
from edgekit.firmware.stream import run_stream
from edgekit.frontend.stream import Decisions, Plan, Stream, decide, inputs, plan
from edgekit.measure.events import Heard, detections, measured, skipped
from edgekit.runtimes.session import Session
from edgekit.types import Artifact, Measurement

if TYPE_CHECKING:
    import numpy as np

FIGURES = {"stream_instructions": "1", "stream_state": "B"}
"""What a simulated core says of a stream."""
GOLDEN = 6
"""Answers of a golden stream beyond those that are added up."""


@stage("stream", process=TOOLS, libraries=("numpy", "jinja2", *READING))
def stream_file(
    work: Work, model: Artifact, code: Code, data: DataSpec, sensor: Sensor, said: Stream, labels: tuple[str, ...]
) -> Plan:
    """Writes the C of a stream to `folder`, with a golden stream: evaluation recordings one after the other.

    Args:
      model: what ships, for the runtime whose outputs standalone C has.
      data: with what the sensor gave.

    Raises:
      ProjectError: a setting does not fit the front-end or the model.
    """
    import numpy as np

    of = plan(said, sensor.frontend, sensor.raw, code.outputs[0], labels)
    raw = read_archive(Path(data.source), lambda name: name == f"{RAW}_test")[f"{RAW}_test"]
    wanted = of.times(of.smoothing + GOLDEN)[-1]
    golden = np.concatenate(raw[: -(-int(wanted) // raw.shape[1])])[:wanted]
    outputs, decided = answered(of, sensor, golden, runtimes.open_session(runtimes.ORACLE, model.path), work.progress)
    made = stream_source(of, sensor.frontend, sensor.preprocessing, code.inputs[0], code.name, code.stateful)
    made |= selftest_source(of, code.name, golden, outputs, decided.detected)
    for name, text in made.items():
        (work.folder / name).write_text(text, encoding="ascii")
    return of


@stage("score stream", process=TOOLS, libraries=("numpy", "scipy", *READING))
def score_stream(
    work: Work,
    model: Artifact,
    recordings: Artifact,
    sensor: Sensor,
    said: Stream,
    labels: tuple[str, ...],
    runtime: str,
    threads: int,
) -> list[Measurement]:
    """What a runtime detects in long recordings; see `edgekit.measure.events.measured`.

    Args:
      recordings: the folder, see `edgekit.data.tracks`.

    Raises:
      ProjectError: a setting does not fit the front-end or the model.
      DataError: the recordings cannot be read.
    """
    session = runtimes.open_session(runtime, model.path, threads)
    label = f"{session.name} {session.version}"
    if not session.outputs[0].scale:
        return skipped("the model answers in floats, and a stream is decided in integers", label)
    of = plan(said, sensor.frontend, sensor.raw, session.outputs[0], labels)
    heard = []
    for track in read_tracks(Path(recordings.path), sensor.frontend, of.sample_rate, labels, of.classes):
        _, decided = answered(of, sensor, track.samples, session, work.progress)
        events = tuple(event for event in track.events if event.kind in of.positive)
        heard.append(Heard(len(track.samples), events, detections(of, decided.detected.tolist())))
    return measured(of, heard, label)


@stage("simulate stream", process=TOOLS, libraries=("jinja2",))
def simulate_stream(work: Work, code: Code, files: dict[str, Artifact], of: Plan, core: str) -> list[Measurement]:
    """Runs the self-test of a stream on a simulated core.

    Args:
      files: the sources of model, front-end and stream, by name.

    Returns:
      `stream_instructions`, of a second of the stream: of the front-end and the model; `stream_state`, what the stream
      remembers; without values where a tool is missing.

    Raises:
      ModelError: an answer is not that of TFLM.
      WorkerError: the image does not fit, hung or failed.
    """
    if lacks := not_simulated(core) if core not in CORES else missing():
        said = f"not measured: {lacks}"
        return [Measurement(name, None, unit, "simulated", "qemu", reason=said) for name, unit in FIGURES.items()]
    ran = run_stream(code, {name: Path(file.path).read_text(encoding="ascii") for name, file in files.items()}, core)
    if ran.differing:
        raise ModelError(f"standalone C on {core} answers a stream otherwise than TFLM: {ran.differing} answers differ")
    label = f"qemu {versions()['qemu-system-arm'].split('version ')[-1].split(' ')[0]}"
    often = of.sample_rate / (of.hop * of.stride)
    said = f"{often:.3g} answers of {ran.least:,} to {ran.most:,} instructions each; {ran.answers} answers, all exact"
    return [
        Measurement("stream_instructions", round(ran.instructions * often), "1", "simulated", label, reason=said),
        Measurement("stream_state", ran.state, "B", "simulated", label, reason=f"of {code.name}_stream"),
    ]


def answered(
    of: Plan, sensor: Sensor, recording: np.ndarray, session: Session, progress: Progress
) -> tuple[np.ndarray, Decisions]:
    """The outputs of a model, (answers, classes) as it stores them, for a recording, and what they detect."""
    import numpy as np

    from edgekit.runtimes.values import quantize

    spec = session.inputs[0]
    features = inputs(of, sensor.frontend, recording)
    outputs = np.empty((len(features), of.classes), of.output)
    for number, made in enumerate(features):
        real = made.reshape(spec.shape).astype(np.float32) * np.float32(sensor.frontend.step)
        session.reset()
        session.set_inputs([quantize(preprocessed(real, sensor.preprocessing), spec)])
        session.invoke()
        outputs[number] = session.get_outputs()[0].ravel()
        progress(f"answer {number + 1}/{len(features)}", (number + 1) / len(features))
    return outputs, decide(of, outputs)
