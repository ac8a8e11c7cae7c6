"""The errors that end a command, each with its exit status."""

import signal

FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM, signal.SIGXCPU)
"""Signals that no fault of a process itself makes."""
OUT_OF_MEMORY = ("bad_alloc", "out of memory", "Out of memory", "OOM", "Cannot allocate memory")
"""How libraries say in a message that there is no memory."""


def lacks_memory(error: BaseException) -> bool:
    """Whether an error says only that memory ran out, as those of TensorFlow do in words."""
    named = type(error).__name__ == "ResourceExhaustedError" or any(word in str(error) for word in OUT_OF_MEMORY)
    return isinstance(error, MemoryError) or named


class EdgekitError(Exception):
    """Something the user has to know, in one or two plain lines: what, where, why, and what to do.

    Attributes:
      exit_code: the status with which the command ends.
    """

    exit_code = 2


class ProjectError(EdgekitError):
    """`[tool.edgekit]` in pyproject.toml, or an option that names something in it, is wrong."""


class TargetError(EdgekitError):
    """A target profile, or a `--set` that changes one, is wrong."""


class RecipeError(EdgekitError):
    """A setting of a recipe cannot be carried out on this model and data."""


class ModelError(EdgekitError):
    """A model file cannot be read, or holds something that cannot be built."""


class LimitError(ModelError):
    """A model file asks for more time or memory than its size allows. It says nothing of what is in the file, so that
    nothing is kept of it."""


class StandaloneError(ModelError):
    """A model cannot be written as standalone C; a runtime may execute it all the same."""


class DataError(EdgekitError):
    """A dataset cannot be read, or does not fit the model."""


class GateError(EdgekitError):
    """A build is not fit for a release: it is stale, a trial, or over budget."""

    exit_code = 1


class OutputError(EdgekitError):
    """A place for results cannot be written."""


class WorkerError(EdgekitError):
    """A worker process ended without an answer: it crashed, or ran into its time limit."""


class CrashError(WorkerError):
    """A worker process died of a signal, as native libraries make it.

    Attributes:
      passing: whether the signal came from outside, as where memory ran out: the next try may do better.
    """

    passing = False


class SetupError(EdgekitError):
    """The environment lacks something; says what to install."""

    exit_code = 3
