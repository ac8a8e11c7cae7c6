"""Distillation: a student learns what a teacher answers."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

from msgspec import Meta, Struct, field

from edgekit.compress.fine_tune import Progress, fine_tune
from edgekit.compress.settings import Weight
from edgekit.compress.student import Student, smaller_copy
from edgekit.compress.targets import Objective, from_teacher, load_answers, predict
from edgekit.compress.technique import Given, Rehearsal, Technique
from edgekit.compress.terms import Terms, with_terms
from edgekit.config import Positive, Settings
from edgekit.data.read import read_dataset
from edgekit.data.samples import Samples, prepared
from edgekit.data.spec import DataSpec
from edgekit.engine.libraries import EIGEN, TENSORFLOW, TRAINING
from edgekit.engine.stage import Call, Work, stage
from edgekit.errors import RecipeError
from edgekit.model.custom import custom_scope
from edgekit.model.read import KERAS, built, open_keras, save
from edgekit.types import Artifact, Reading

WHERE = "recipe.distil"


class Distil(Technique, frozen=True):
    """A student that learns from a teacher.

    Sources: Hinton et al. 2015, "Distilling the Knowledge in a Neural Network" (soft labels); Romero et al. 2015,
    "FitNets" (features); Zagoruyko and Komodakis 2017, "Paying More Attention to Attention" (attention maps).
    """

    student: Student | str = "model"
    """`model`: the model itself as it is at this place of the recipe, pruned perhaps; `module:function` of a builder;
    or a scaled copy: `{ width = 0.5 }`."""
    teacher: str = "model"
    """`model`: the model as it was given; or a Keras file, or `module:function` of a builder."""
    epochs: Annotated[int, Meta(ge=0)] = 10
    temperature: Annotated[float, Meta(gt=0)] = 4.0
    soft: Weight = 0.9
    """Weight of the loss on the teacher's softened outputs (mean squared error where they are no classes);"""
    hard: Weight = 0.1
    """on the labels, where there are some;"""
    features: Weight = 0.0
    """on the outputs of `pairs`, through a learned projection;"""
    attention: Weight = 0.0
    """on the attention maps of `pairs`;"""
    adversarial: Weight = 0.0
    """and of fooling a small network that tells teacher from student, trained with a hinge loss."""
    margin: Annotated[float, Meta(gt=0)] = 1.0
    """The ε in the discriminator's hinge loss max(0, ε - margin)."""
    pairs: dict[str, str] = field(default_factory=dict)
    """Layers whose outputs are compared: teacher's name = student's name."""
    during: tuple[str, ...] = ()
    """Techniques whose training learns from the teacher too, by the soft and hard losses."""
    rounds: Positive = 1
    """In each further one the student of the last is the teacher."""
    assistants: tuple[Student, ...] = ()
    """Teachers in between, each taught by the one before.  Source: Mirzadeh et al. 2020."""

    @property
    def last(self) -> bool:
        """Where the model itself, as the others left it, is the student."""
        return self.student == "model"

    @property
    def objective(self) -> Objective:
        """How much the teacher's answers count."""
        return Objective(self.temperature, self.soft, self.hard)

    @property
    def terms(self) -> Terms:
        """How much else counts."""
        numbers = self.features, self.attention, self.adversarial, self.margin
        return Terms(*numbers, self.pairs, self.learning_rate)

    @property
    def inside(self) -> bool:
        """Whether more than the outputs is compared."""
        return bool(self.features or self.attention or self.adversarial)

    def problem(self, quantize: Settings | None) -> str:
        """Nothing to learn."""
        said = f"{WHERE}: all weights of its losses are 0; set one, such as soft = 0.9"
        return "" if self.soft or self.hard or self.inside else said

    def told(self, name: str) -> str:
        """See `Technique`."""
        return "distilled from its teacher"

    def call(self, model: Artifact, given: Given) -> Call[DistilFacts]:
        """The stage `distil_file`."""
        assert given.teaching
        lesson = given.teaching.teacher, given.teaching.answers, given.teaching.student
        return distil_file(model, *lesson, given.data, self, given.seed, given.custom_objects)

    def rehearse(self, model: Any, given: Rehearsal) -> Any:
        """The student, before it has learned anything."""
        assert given.teacher is not None
        made = learner(model, given.student, self, given.custom_objects, given.seed)
        master = open_keras(given.teacher, given.custom_objects)
        check_student(made, master, given.train, self)
        if self.inside:
            with_terms(made, master, self.terms)
        return made


class DistilFacts(Struct, frozen=True):
    """What a student learned."""

    parameters: int
    teacher_parameters: int
    losses: dict[str, float]
    """Of the last epoch, by term: `soft`, `hard`, …"""
    remarks: tuple[str, ...] = ()


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
) -> DistilFacts:
    """Trains a student and writes it to `folder`.

    Args:
      model: file of the model at this place of the recipe.
      teacher: file of the teacher.
      answers: what `edgekit.compress.targets.teach` wrote of it.
      student: `module:function` of the student's builder, where the settings name one.

    Raises:
      RecipeError: teacher and student do not take and make the same, or there is nothing to learn from.
    """
    master = open_keras(teacher.path, custom_objects)
    with custom_scope(custom_objects):
        taught = learner(
            open_keras(model.path, custom_objects), student.path if student else None, settings, custom_objects, seed
        )
        dataset = read_dataset(data)
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
) -> DistilFacts:
    """Trains a student, in place, on a teacher's answers.

    Args:
      student, teacher: `tf_keras.Model`.
      parts: the training samples, and those held out where there are some.

    Raises:
      RecipeError: teacher and student do not take and make the same, or there is nothing to learn from.
    """
    check_student(student, teacher, parts[0].samples, settings)
    fresh, remarks = student.get_weights(), []
    master = teacher
    for number, assistant in enumerate(settings.assistants, 1):
        helper = smaller_copy(teacher, assistant, seed + number)
        _learn(helper, master, parts, settings, seed, progress)
        remarks.append(f"assistant {number} of {helper.count_params():,} parameters")
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
    return DistilFacts(student.count_params(), teacher.count_params(), losses, tuple(remarks))


def _answered(teacher: Any, parts: list[Part]) -> list[Part]:
    return [part._replace(answers=predict(teacher, part.x)) for part in parts]


def _learn(
    student: Any, teacher: Any, parts: list[Part], settings: Distil, seed: int, progress: Progress
) -> dict[str, float]:
    """One student of one teacher; the losses of the last epoch."""
    x = parts[0].x
    taught, *judging = (from_teacher(student, part.samples, part.answers, settings.objective) for part in parts)
    if judging:
        taught = taught._replace(held_out=(parts[1].x, judging[0].targets))
    if settings.inside:
        import tf_keras

        tf_keras.utils.set_random_seed(seed)
        return fine_tune(with_terms(student, teacher, settings.terms), x, taught, settings, seed, progress)
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
    if not (settings.soft or settings.inside) and train.y is None:
        raise RecipeError(f"{WHERE}: only hard labels count, but the data has none; set soft, or give labels")
    if (settings.features or settings.attention) and not settings.pairs:
        raise RecipeError(
            f'{WHERE}.pairs: features and attention compare layers; name them: pairs = {{ conv2 = "conv2" }}'
        )


def _shapes(shapes: list[tuple[int, ...]]) -> str:
    return " and ".join("x".join(map(str, shape)) for shape in shapes)
