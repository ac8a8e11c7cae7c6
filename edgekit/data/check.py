"""Whether a dataset fits the model, before any stage spends time on it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from edgekit.data.archive import read_archive
from edgekit.data.arrays import RAW, from_arrays
from edgekit.data.features import features_of
from edgekit.data.folder import check_classes, class_folders, others
from edgekit.data.groups import NAME, USUAL, number
from edgekit.data.held_out import hold_out
from edgekit.data.overlap import overlap
from edgekit.data.read import read_dataset
from edgekit.data.samples import Dataset
from edgekit.data.spec import RANDOM, DataFacts, DataSpec
from edgekit.engine.libraries import TENSORFLOW
from edgekit.engine.stage import Work, stage
from edgekit.errors import DataError, ProjectError

if TYPE_CHECKING:
    import numpy as np

RAW_SAMPLES = 64
"""Of the evaluation set, whose recordings are kept: golden vectors begin at the sensor."""


@stage("data", process=TENSORFLOW, libraries=("numpy", "pillow", "scipy"))
def check_data(work: Work, data: DataSpec) -> DataFacts:
    """Reads the whole dataset and holds it against the model's input and output.

    What comes from a folder, from a function or through a front-end is written to `folder/samples.npz`, so that no
    later step reads the files again, runs the function or makes the features. Of a front-end the array `raw_test` goes
    with them: the first `RAW_SAMPLES` of the evaluation set as the sensor gives them.

    Raises:
      DataError: the first thing that is wrong, with the sample that shows it.
      ProjectError: the front-end does not fit the samples or the model.
    """
    import numpy as np

    whole, made = replace(data, held_out=False, frontend=None), None  # the copy below is split again when it is read
    folder_names = class_folders(Path(data.source)) if data.source != RANDOM and Path(data.source).is_dir() else []
    if data.frontend is None:
        dataset = read_dataset(whole)
    else:
        if len(data.inputs) != 1:
            raise ProjectError(f"frontend: the model has {len(data.inputs)} inputs, and a front-end makes one")
        if folder_names:
            check_classes(Path(data.source), len(folder_names), data.classes)
        made = features_of(data.source, data.frontend, data.group, data.inputs[0].shape[1:])
        dataset = from_arrays(made.arrays, replace(whole, group="" if Path(data.source).is_dir() else data.group))
    for name, part in (("x_train", dataset.train), ("x_test", dataset.evaluation)):
        if part.number == 0:
            raise DataError(f"{data.source}: {name}: no samples; {dataset.train.number} are too few to hold some out")
    if made or (data.source != RANDOM and not data.source.endswith(".npz")):
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
    if made:
        notes, remarks = [*made.notes, *notes], [*made.remarks, *remarks]
    elif folder_names and (left := others(Path(data.source))):
        said = f"{len(left)} files in class folders are no images and were left out, such as {left[0].name}"
        notes.append(f"{said}; move them elsewhere")
    if labelled and folder_names and (empty := _empty(dataset, [place.name for place in folder_names])):
        what = "recordings" if made else "images"
        notes.append(f"class folders without {what}: {', '.join(empty[:5])}; add some, or remove the folders")
    labels = tuple(place.name.encode("utf-8", "replace").decode() for place in folder_names)
    counts = dataset.train.number, dataset.evaluation.number
    return DataFacts(*counts, labelled, tuple(notes), tuple(remarks), labels, made.raw if made else None)


def _empty(dataset: Dataset, names: list[str]) -> list[str]:
    """Of the classes those without samples."""
    there = {int(y) for part in dataset[:2] if part is not None and part.y is not None for y in part.y}
    return [name for label, name in enumerate(names) if label not in there]


def _grouped(dataset: Dataset, data: DataSpec) -> tuple[str, str]:
    """How the groups of the samples lie in the two parts; or that there may be some which nobody has declared.

    Returns:
      a note and a remark; "" for none.
    """
    import numpy as np

    train, evaluation = dataset.train.group, dataset.evaluation.group
    hint = undeclared_group(data.source) if not data.group else ""
    note = (
        f'the dataset has {hint}: write group = "{hint}" in the project, so that none is in two parts' if hint else ""
    )
    if train is not None and evaluation is not None:
        both, word = len(np.intersect1d(train, evaluation)), NAME if Path(data.source).is_dir() else data.group or NAME
        counts = f"{number(train)} in training, {number(evaluation)} in evaluation"
        if both:
            said = f"{word}: {both} of {number(evaluation)} of the evaluation set are in the training set, too"
            return f"{said}; put all samples of one into the same part", ""
        return note, f"split by {word}: {counts}, none in both"
    return note, ""


def undeclared_group(source: str) -> str:
    """The array of an `.npz` that says, by its name, which samples belong together; "" where there is none."""
    if not source.endswith(".npz"):
        return ""
    names = {name.removesuffix("_train") for name in read_archive(Path(source), lambda name: False)}
    return next((name for name in USUAL if name in names and NAME not in names), "")


def _arrays(dataset: Dataset, data: DataSpec) -> dict[str, np.ndarray]:
    parts = {"train": dataset.train, "test": dataset.evaluation}
    arrays = {
        f"x_{name}.{wanted.name}" if len(data.inputs) > 1 else f"x_{name}": x
        for name, part in parts.items()
        for wanted, x in zip(data.inputs, part.x, strict=True)
    }
    if dataset.evaluation.raw is not None:
        arrays[f"{RAW}_test"] = dataset.evaluation.raw[:RAW_SAMPLES]
    for name, part in parts.items():
        if part.group is not None:
            arrays[f"{NAME}_{name}"] = part.group
        for n in range(1 + len(part.others)):
            y, targets = part.answers(n)
            if (answer := y if targets is None else targets) is not None:
                arrays[f"y_{name}" if n == 0 else f"y_{name}.{n}"] = answer
    return arrays
