"""Makes data/ from the recordings that come with seglearn (`pip install seglearn`)."""

from pathlib import Path

import numpy as np
from seglearn.datasets import load_watch

DATA = Path(__file__).resolve().parent / "data"
HELD_OUT = (8, 9, 10)
"""Subjects of the evaluation set."""
LENGTH = 500
"""Samples of a recording: 10 s. What is left of a longer one is left out."""
SET = 18
"""Seconds that a long recording has of each exercise."""
RATE = 50
RESOLUTION = np.array([1 / 4096] * 3 + [np.radians(2000 / 32768)] * 3)
"""One step of an accelerometer at ±8 g, in g, and of a gyroscope at ±2000 degrees a second, in rad/s."""
NAMES = "pendulum,abduction,elevation,internal rotation,external rotation,trapezius row,bent-over row".split(",")


def windows(data: dict) -> dict[str, np.ndarray]:
    """Recordings of 10 s as a sensor counts them."""
    x, y, subject = [], [], []
    for recording, label, person in zip(data["X"], data["y"], data["subject"], strict=True):
        for start in range(0, len(recording) - LENGTH + 1, LENGTH):
            x.append(np.rint(recording[start : start + LENGTH] / RESOLUTION).astype(np.int16))
            y.append(label)
            subject.append(person)
    arrays = {"x": np.stack(x), "y": np.array(y, np.uint8), "subject": np.array(subject, np.uint8)}
    test = np.isin(arrays["subject"], HELD_OUT)
    parts = {f"{name}_train": array[~test] for name, array in arrays.items()}
    return parts | {f"{name}_test": array[test] for name, array in arrays.items()}


def long_recording(data: dict, person: int) -> tuple[np.ndarray, list[str]]:
    """All exercises of a person's right arm, one after the other, in g and rad/s; and the lines of its label track."""
    parts, track = [], []
    for label, name in enumerate(NAMES):
        (at,) = np.flatnonzero((data["subject"] == person) & (data["side"] == 1) & (data["y"] == label))
        parts.append(data["X"][at][: SET * RATE])
        track.append(f"{label * SET:.2f}\t{(label + 1) * SET:.2f}\t{name}")
    return np.concatenate(parts), track


def main() -> None:
    """Writes the dataset, and a long recording of each subject of the evaluation set."""
    data = load_watch()
    (DATA / "long").mkdir(parents=True, exist_ok=True)
    np.savez_compressed(DATA / "activity.npz", **windows(data))
    for person in HELD_OUT:
        samples, track = long_recording(data, person)
        head = ",".join(data["X_labels"])
        np.savetxt(DATA / "long" / f"subject{person}.csv", samples, "%.3f", ",", header=head, comments="")
        (DATA / "long" / f"subject{person}.txt").write_text("\n".join(track) + "\n")


if __name__ == "__main__":
    main()
