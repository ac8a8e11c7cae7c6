"""The errors that end a command, each with its exit status."""


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
    """A worker process died of a signal, as native libraries make it."""


class SetupError(EdgekitError):
    """The environment lacks something; says what to install."""

    exit_code = 3
