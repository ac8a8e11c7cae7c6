"""A stage: a function whose result depends on nothing but its arguments, its code, and the libraries that it names.

    @stage("convert", process=TENSORFLOW, libraries=(*LOADING, *READING))
    def convert_file(work: Work, model: Artifact, custom_objects: str) -> str: ...

    convert_file(model, "")            # a `Call[str]`: what to make, and nothing is made yet
    scope.make(convert_file(model, ""))  # a `StageResult[str]`: taken from the store, or made in a worker process

The call is checked against the function by the type checker. Importing the module of a stage loads no library.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from edgekit.types import Artifact

P = ParamSpec("P")
R = TypeVar("R")
Progress = Callable[[str, float], None]
"""Called with what is going on ("epoch 2/5") and the share that is done, 0 to 1."""


class Engine(Protocol):
    """What carries out a part of a stage, such as a runtime."""

    @property
    def package(self) -> str:
        """What pip installs: its version decides the result."""

    @property
    def module(self) -> str:
        """The module of edgekit that speaks to it: its code decides the result."""

    @property
    def process(self) -> str:
        """The worker in which it may run: two engines can corrupt each other in one."""


def silent(_: str, __: float) -> None:
    """Progress that nobody follows."""


class Work(Struct, frozen=True):
    """Where a stage works."""

    folder: Path
    """Empty; what is a file there at the end is what the stage made."""
    progress: Progress = silent


class Call(Struct, Generic[R], frozen=True):
    """A stage with its arguments: what to make."""

    stage: Stage[..., R]
    arguments: dict[str, Any]
    """By the names of the parameters, without `work`."""
    name: str
    """As reports say it."""
    process: str
    """Which worker carries it out; calls of one process share it."""
    libraries: tuple[str, ...]
    modules: tuple[str, ...] = ()
    """Modules of edgekit whose code decides the result beside that of the stage."""
    place: Any = None
    """What else it depends on, such as the machine that it measures."""
    model: str = ""
    """Whose figures are those of the result, as `Measurement.artifact` says it; "" where it makes no model."""

    def on(self, engine: Engine) -> Call[R]:
        """The same, carried out by an engine, in its process."""
        return replace(self.using(engine), process=engine.process)

    def using(self, *engines: Engine) -> Call[R]:
        """The same, which starts these engines in processes of their own."""
        libraries = dict.fromkeys((*self.libraries, *(engine.package for engine in engines)))
        modules = dict.fromkeys((*self.modules, *(engine.module for engine in engines)))
        return replace(self, libraries=tuple(libraries), modules=tuple(modules))

    def with_code(self, *modules: str) -> Call[R]:
        """The same, whose result these modules decide, too: its arguments name them."""
        return replace(self, modules=tuple(dict.fromkeys((*self.modules, *modules))))

    def named(self, name: str) -> Call[R]:
        """The same under another name."""
        return replace(self, name=name)

    def within(self, process: str) -> Call[R]:
        """The same in another process."""
        return replace(self, process=process)

    def of(self, model: str) -> Call[R]:
        """The same, whose result is known by the figures of a model."""
        return replace(self, model=model)

    def at(self, place: Any) -> Call[R]:
        """The same, whose result depends on a place, too."""
        return replace(self, place=place)


class Stage(Generic[P, R]):
    """What `stage` makes of a function."""

    def __init__(
        self,
        function: Callable[Concatenate[Work, P], R],
        name: str,
        process: str,
        libraries: tuple[str, ...],
        retry: str | None,
    ) -> None:
        functools.update_wrapper(self, function)
        self.function, self.name, self.process, self.libraries, self.retry = function, name, process, libraries, retry

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Call[R]:
        """What to make; see `Maker.make`.

        Raises:
          TypeError: the arguments are not those of the function.
        """
        bound = self._signature.bind(None, *args, **kwargs)
        bound.apply_defaults()
        _, *arguments = bound.arguments.items()
        return Call(self, dict(arguments), self.name, self.process, self.libraries)

    @property
    def path(self) -> str:
        """`package.module:name`, by which a worker finds it."""
        return f"{self.function.__module__}:{self.function.__qualname__}"

    @property
    def module(self) -> str:
        """Where its code stands."""
        return self.function.__module__

    @property
    def returns(self) -> Any:
        """The type of the result."""
        said = self.function.__annotations__["return"]
        return eval(said, self.function.__globals__) if isinstance(said, str) else said  # of our own source

    def run(self, folder: Path | str, *args: Any, progress: Progress = silent, **kwargs: Any) -> R:
        """Carries it out here and now.

        Args:
          folder: receives the files.
          args, kwargs: the arguments as `msgspec` decodes them from JSON; a path stands for a file.
        """
        bound = decoded(self.function, Work(Path(folder), progress), *args, **kwargs)
        return self.function(*bound.args, **bound.kwargs)

    @functools.cached_property
    def _signature(self) -> inspect.Signature:
        return inspect.signature(self.function)


def stage(
    name: str, process: str, libraries: tuple[str, ...] = (), retry: str | None = None
) -> Callable[[Callable[Concatenate[Work, P], R]], Stage[P, R]]:
    """Makes a stage of a function whose first parameter is `work`.

    Args:
      name: as reports say it.
      process: which worker carries it out.
      libraries: packages whose version the result depends on.
      retry: the process in which it is tried after it crashed twice in its own.
    """
    return lambda function: Stage(function, name, process, libraries, retry)


def decoded(function: Callable[..., Any], *args: Any, **kwargs: Any) -> inspect.BoundArguments:
    """Arguments as a function's annotations say, from what `msgspec` decodes from JSON; a path stands for a file."""
    bound = inspect.signature(function, eval_str=True).bind_partial(*args, **kwargs)
    for name, value in bound.arguments.items():
        kind = bound.signature.parameters[name].annotation
        if kind not in (inspect.Parameter.empty, Work):
            bound.arguments[name] = msgspec.convert(_artifact(value, kind), kind)
    return bound


def _artifact(value: Any, kind: Any) -> Any:
    if isinstance(value, (str, Path)) and kind in (Artifact, Artifact | None):
        return Artifact("", str(value), 0, "")
    if isinstance(value, dict) and kind == dict[str, Artifact]:
        return {name: _artifact(item, Artifact) for name, item in value.items()}
    return value
