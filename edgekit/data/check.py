"""Whether a dataset fits the model, before any stage spends time on it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from edgekit.data.archive import read_archive
from edgekit.data.folder import class_folders, images, others
from edgekit.data.groups import NAME, USUAL, number
from edgekit.data.held_out import hold_out
from edgekit.data.overlap import overlap
from edgekit.data.read import read_dataset
from edgekit.data.samples import Dataset
from edgekit.data.spec import RANDOM, DataFacts, DataSpec
from edgekit.engine.libraries import TENSORFLOW
from edgekit.engine.stage import Work, stage
from edgekit.errors import DataError

if TYPE_CHECKING:
    import numpy as np


@stage("data", process=TENSORFLOW, libraries=("numpy", "pillow"))
def check_data(work: Work, data: DataSpec) -> DataFacts:
    """Reads the whole dataset and holds it against the model's input and output.

    What comes from a folder of images or from a function is written to `folder/samples.npz`, so that no later step
    reads the images again or runs the function.

    Raises:
      DataError: the first thing that is wrong, with the sample that shows it.
    """
    import numpy as np

    dataset = read_dataset(replace(data, held_out=False))  # the copy below is split again when it is read
    for name, part in (("x_train", dataset.train), ("x_test", dataset.evaluation)):
        if part.number == 0:
            raise DataError(f"{data.source}: {name}: no samples; {dataset.train.number} are too few to hold some out")
    if data.source != RANDOM and not data.source.endswith(".npz"):
        np.savez(work.folder / "samples.npz", **_arrays(dataset, data))
    labelled = dataset.evaluation.y is not None
    without = "no class labels: agreement with the float model stands in for accuracy; add y_test to measure it"
    notes, remarks = [] if labelled or dataset.evaluation.targets is not None else [without], list[str]()
    if data.source == RANDOM:
        notes = ["random data: size and speed only, accuracy is skipped; give --data=PATH"]
    elif known := overlap(dataset.train, dataset.evaluation):
        said = f"{known} of {dataset.evaluation.number} evaluation samples are also training samples"
        notes.append(f"{said}; take them out of one of the two")
    note, remark = _grouped(dataset, data)
    notes += filter(None, [note])
    remarks += filter(None, [remark])
    if data.held_out:
        rest, judges = hold_out(dataset.train, data.seed, data.source)
        same = " (each the same as one that trains)" if overlap(rest, judges) else ""
        remarks.append(f"{judges.number} of {dataset.train.number} training samples are held out to choose by{same}")
    folder_names = class_folders(Path(data.source)) if data.source != RANDOM and Path(data.source).is_dir() else []
    if folder_names and (left := others(Path(data.source))):
        said = f"{len(left)} files in class folders are no images and were left out, such as {left[0].name}"
        notes.append(f"{said}; move them elsewhere")
    if labelled and folder_names and (empty := [p.name for p in folder_names if not images(p)]):
        notes.append(f"class folders without images: {', '.join(empty[:5])}; add some, or remove the folders")
    labels = tuple(place.name.encode("utf-8", "replace").decode() for place in folder_names)
    return DataFacts(dataset.train.number, dataset.evaluation.number, labelled, tuple(notes), tuple(remarks), labels)


def _grouped(dataset: Dataset, data: DataSpec) -> tuple[str, str]:
    """How the groups of the samples lie in the two parts; or that there may be some which nobody has declared.

    Returns:
      a note and a remark, of which one at least is empty.
    """
    import numpy as np

    train, evaluation = dataset.train.group, dataset.evaluation.group
    if train is not None and evaluation is not None:
        both, word = len(np.intersect1d(train, evaluation)), data.group or NAME
        counts = f"{number(train)} in training, {number(evaluation)} in evaluation"
        if both:
            said = f"{word}: {both} of {number(evaluation)} of the evaluation set are in the training set, too"
            return f"{said}; put all samples of one into the same part", ""
        return "", f"split by {word}: {counts}, none in both"
    hint = undeclared_group(data.source)
    said = f'the dataset has {hint}: write group = "{hint}" in the project, so that none is in two parts'
    return said if hint else "", ""


def undeclared_group(source: str) -> str:
    """The array of an `.npz` that says, by its name, which samples belong together; "" where there is none."""
    if not source.endswith(".npz"):
        return ""
    names = {name.removesuffix("_train") for name in read_archive(Path(source), lambda name: False)}
    return next((name for name in USUAL if name in names), "")


def _arrays(dataset: Dataset, data: DataSpec) -> dict[str, np.ndarray]:
    parts = {"train": dataset.train, "test": dataset.evaluation}
    arrays = {
        f"x_{name}.{wanted.name}" if len(data.inputs) > 1 else f"x_{name}": x
        for name, part in parts.items()
        for wanted, x in zip(data.inputs, part.x, strict=True)
    }
    for name, part in parts.items():
        if part.group is not None:
            arrays[f"{NAME}_{name}"] = part.group
        for n in range(1 + len(part.others)):
            y, targets = part.answers(n)
            if (answer := y if targets is None else targets) is not None:
                arrays[f"y_{name}" if n == 0 else f"y_{name}.{n}"] = answer
    return arrays
