"""A student with and without a teacher, on the reference model; writes the table of docs/how-to/distillation.md.

    python benchmarks/distil.py

The student has half of the reference model's channels. For each seed all start from the same weights and train for the
same epochs on the same images; accuracy is that of the 2,000 evaluation images, of the float model.
"""

import re
import tempfile
import time
from pathlib import Path
from statistics import mean, stdev

from edgekit.compress.distil import Distil
from edgekit.compress.settings import FineTuning
from edgekit.compress.student import Student
from edgekit.data.spec import DataSpec, Preprocessing
from edgekit.engine.worker import Worker
from edgekit.report.markdown import table
from edgekit.types import TensorSpec

ROOT = Path(__file__).parents[1]
START, END = "<!-- table: made by `python benchmarks/distil.py` -->\n", "<!-- end of table -->"
SEEDS = range(1, 6)
HALF = Student(width=0.5)
EPOCHS = 10
FEW = 2000
ALL = 8000
LESSONS = {
    "no teacher": None,
    "soft labels, T = 4": Distil(student=HALF),
    "soft labels, T = 2": Distil(student=HALF, temperature=2),
    "soft labels, T = 8": Distil(student=HALF, temperature=8),
    "soft labels alone": Distil(student=HALF, soft=1, hard=0),
    "and features": Distil(student=HALF, features=0.1, pairs={"pool2": "pool2"}),
    "and attention": Distil(student=HALF, attention=1, pairs={"pool1": "pool1", "pool2": "pool2"}),
    "and an adversary": Distil(student=HALF, adversarial=0.05),
    "two rounds": Distil(student=HALF, rounds=2),
    "an assistant of 3/4": Distil(student=HALF, assistants=(Student(width=0.75),)),
}


def students(teacher: str, data: DataSpec, images: int, names: list[str], seed: int) -> dict[str, tuple[float, float]]:
    """Of each student: accuracy in percent, and seconds of training."""
    from edgekit.compress.distil import Part, distil
    from edgekit.compress.fine_tune import fine_tune
    from edgekit.compress.student import smaller_copy
    from edgekit.compress.targets import predict, training_targets
    from edgekit.data.read import read_dataset
    from edgekit.data.samples import prepared, stratified
    from edgekit.model.read import open_keras

    dataset, master = read_dataset(data), open_keras(teacher, "")
    train = dataset.train.take(stratified(dataset.train.y, dataset.train.number, images, seed))
    x, seen, found = prepared(train, data), prepared(dataset.evaluation, data), {}
    answers = predict(master, x)
    student = smaller_copy(master, HALF, seed)
    fresh = student.get_weights()
    for name in names:
        student.set_weights(fresh)
        start, settings = time.perf_counter(), LESSONS[name]
        if settings is None:
            plain = training_targets(student, train, data, None, None)
            fine_tune(student, x, plain, FineTuning(epochs=EPOCHS), seed, lambda text, share: None)
        else:
            distil(student, master, [Part(train, x, answers)], settings, seed, lambda text, share: None)
        taken = time.perf_counter() - start
        right = predict(student, seen)[0].argmax(axis=1) == dataset.evaluation.y
        found[name] = (100 * float(right.mean()), taken)
    return found


def rows(results: list[dict[str, tuple[float, float]]], images: int) -> list[list[str]]:
    """The lines of the table for one number of images."""
    made = []
    plain = [r["no teacher"][0] for r in results]
    for name in results[0]:
        scores = [r[name][0] for r in results]
        gains = [a - b for a, b in zip(scores, plain, strict=True)]
        better = sum(gain > 0 for gain in gains)
        made.append(
            [
                f"{images:,}",
                name,
                f"{mean(scores):.2f} ± {stdev(scores):.2f} %",
                "" if name == "no teacher" else f"{mean(gains):+.2f} points",
                "" if name == "no teacher" else f"{better} of {len(gains)}",
                f"{mean(r[name][1] for r in results):.1f} s",
            ]
        )
    return made


def main() -> None:
    """Trains all students and replaces the table between the markers."""
    image = TensorSpec("image", (1, 28, 28, 1), "float32")
    data = DataSpec(str(ROOT / "assets/digits.npz"), "", Preprocessing(scale=1 / 255), (image,), 10, 1)
    with tempfile.TemporaryDirectory() as folder, Worker() as worker:
        from edgekit.model.read import load_file
        from edgekit.types import ModelFacts, Reading

        given = {"model": str(ROOT / "assets/digits.keras"), "settings": Reading()}
        worker.call(load_file, folder, named=given, returns=ModelFacts)
        teacher, lines = f"{folder}/model.h5", []
        for images, names in ((FEW, list(LESSONS)), (ALL, ["no teacher", "soft labels, T = 4"])):
            kind = dict[str, tuple[float, float]]
            found = [worker.call(students, teacher, data, images, names, seed, returns=kind) for seed in SEEDS]
            lines += rows(found, images)
    head = ["images", "lesson", "accuracy, mean and spread", "gain", "seeds with a gain", "training"]
    text = table(head, lines)
    print(text)
    page, block = ROOT / "docs/how-to/distillation.md", f"{START}{text}\n{END}"
    between = f"{re.escape(START)}.*?{re.escape(END)}"
    page.write_text(re.sub(between, lambda _: block, page.read_text(), flags=re.DOTALL))


if __name__ == "__main__":
    import distil  # under its own name, by which workers find its functions

    distil.main()
