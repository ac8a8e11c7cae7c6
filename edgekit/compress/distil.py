"""Distillation: a student learns what a teacher answers."""

from __future__ import annotations

from typing import Any, NamedTuple

from msgspec import Struct

from edgekit.compress.fine_tune import Progress, fine_tune
from edgekit.compress.lesson import from_teacher, load_answers, predict
from edgekit.compress.pupil import pupil
from edgekit.compress.settings import Distil, Student
from edgekit.compress.student import smaller_copy
from edgekit.data.samples import Samples, prepared, read
from edgekit.data.spec import DataSpec
from edgekit.engine.libraries import EIGEN, TENSORFLOW, TRAINING
from edgekit.engine.stage import Work, stage
from edgekit.errors import RecipeError
from edgekit.model.custom import custom_scope
from edgekit.model.read import KERAS, built, open_keras, save
from edgekit.types import Artifact, Reading

WHERE = "recipe.distil"


class Distilled(Struct, frozen=True):
    """What a student learned."""

    parameters: int
    teacher_parameters: int
    losses: dict[str, float]
    """Of the last epoch, by term: `soft`, `hard`, …"""
    notes: tuple[str, ...] = ()


class Part(NamedTuple):
    """Samples, and what a teacher answers to them."""

    samples: Samples
    x: list[Any]
    """Prepared, for each input (N, …)."""
    answers: list[Any]
    """For each output (N, …)."""


@stage("distil", process=TENSORFLOW, libraries=TRAINING, retry=EIGEN)
def distil_file(
    work: Work,
    model: Artifact,
    teacher: Artifact,
    answers: Artifact,
    student: Artifact | None,
    data: DataSpec,
    settings: Distil,
    seed: int,
    custom_objects: str,
) -> Distilled:
    """Trains a student and writes it to `folder`.

    Args:
      model: file of the model at this place of the recipe.
      teacher: file of the teacher.
      answers: what `edgekit.compress.lesson.teach` wrote of it.
      student: `module:function` of the student's builder, where the settings name one.

    Raises:
      RecipeError: teacher and student do not take and make the same, or there is nothing to learn from.
    """
    master = open_keras(teacher.path, custom_objects)
    with custom_scope(custom_objects):
        taught = learner(
            open_keras(model.path, custom_objects), student.path if student else None, settings, custom_objects, seed
        )
        dataset = read(data)
        parts = [
            Part(samples, prepared(samples, data), known)
            for samples, known in zip((dataset.train, dataset.held_out), load_answers(answers.path), strict=True)
            if samples is not None
        ]
        said = distil(taught, master, parts, settings, seed, work.progress)
    save(taught, work.folder / KERAS)
    return said


def learner(model: Any, student: str | None, settings: Distil, custom_objects: str, seed: int) -> Any:
    """The student, before it has learned anything; see `distil_file`.

    Args:
      model: `tf_keras.Model` at this place of the recipe.
    """
    if student is not None:
        made, why = built(student, Reading(custom_objects=custom_objects))
        if why:
            raise RecipeError(f"{student}: cannot be trained here, because {why}; return a model of tf_keras")
        return made
    return smaller_copy(model, settings.student, seed) if isinstance(settings.student, Student) else model


def distil(
    student: Any,
    teacher: Any,
    parts: list[Part],
    settings: Distil,
    seed: int,
    progress: Progress,
) -> Distilled:
    """Trains a student, in place, on a teacher's answers.

    Args:
      student, teacher: `tf_keras.Model`.
      parts: the training samples, and those held out where there are some.

    Raises:
      RecipeError: teacher and student do not take and make the same, or there is nothing to learn from.
    """
    check_student(student, teacher, parts[0].samples, settings)
    fresh, notes = student.get_weights(), []
    master = teacher
    for number, assistant in enumerate(settings.assistants, 1):
        helper = smaller_copy(teacher, assistant, seed + number)
        _learn(helper, master, parts, settings, seed, progress)
        notes.append(f"assistant {number} of {helper.count_params():,} parameters")
        master, parts = helper, _answered(helper, parts)
    losses = {}
    for done in range(settings.rounds):
        if done:
            import tf_keras

            master = tf_keras.models.clone_model(student)
            master.set_weights(student.get_weights())
            parts = _answered(master, parts)
            student.set_weights(fresh)
        losses = _learn(student, master, parts, settings, seed + done, progress)
    return Distilled(student.count_params(), teacher.count_params(), losses, tuple(notes))


def _answered(teacher: Any, parts: list[Part]) -> list[Part]:
    return [part._replace(answers=predict(teacher, part.x)) for part in parts]


def _learn(
    student: Any, teacher: Any, parts: list[Part], settings: Distil, seed: int, progress: Progress
) -> dict[str, float]:
    """One student of one teacher; the losses of the last epoch."""
    x = parts[0].x
    taught, *judging = (from_teacher(student, part.samples, part.answers, settings) for part in parts)
    if judging:
        taught = taught._replace(held_out=(parts[1].x, judging[0].targets))
    inside = settings.features or settings.attention or settings.adversarial
    if inside:
        import tf_keras

        tf_keras.utils.set_random_seed(seed)
        return fine_tune(pupil(student, teacher, settings), x, taught, settings, seed, progress)
    return fine_tune(student, x, taught, settings, seed, progress)


def check_student(student: Any, teacher: Any, train: Samples, settings: Distil) -> None:
    """Whether a student can learn from a teacher.

    Raises:
      RecipeError: they do not take and make the same, or there is nothing to learn from.
    """
    for what in ("inputs", "outputs"):
        ours, theirs = ([tuple(t.shape[1:]) for t in getattr(m, what)] for m in (student, teacher))
        if ours != theirs:
            raise RecipeError(
                f"{WHERE}.student: its {what} are {_shapes(ours)}, the teacher's {_shapes(theirs)}; they must be alike"
            )
    others = settings.soft or settings.features or settings.attention or settings.adversarial
    if not others and train.y is None:
        raise RecipeError(f"{WHERE}: only hard labels count, but the data has none; set soft, or give labels")
    if (settings.features or settings.attention) and not settings.pairs:
        raise RecipeError(
            f'{WHERE}.pairs: features and attention compare layers; name them: pairs = {{ conv2 = "conv2" }}'
        )


def _shapes(shapes: list[tuple[int, ...]]) -> str:
    return " and ".join("x".join(map(str, shape)) for shape in shapes)
