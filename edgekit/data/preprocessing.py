"""What turns stored samples into what a model was trained on: the one place where it is said and done."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from edgekit.config import Settings
from edgekit.types import TensorSpec

if TYPE_CHECKING:
    import numpy as np

Numbers = float | tuple[float, ...]


class Preprocessing(Settings, frozen=True):
    """`x * scale + offset`, or `(x - mean) / std`, as float32: of samples as they are stored, or of the features of a
    front-end. A number is for all values; a list has one for each channel, which are the last axis of the input."""

    scale: Numbers = 1.0
    """What samples are multiplied by;"""
    offset: Numbers = 0.0
    """then this is added."""
    mean: Numbers | None = None
    """In place of both: what is subtracted from samples;"""
    std: Numbers | None = None
    """then they are divided by this."""

    @property
    def given(self) -> dict[str, Numbers]:
        """What differs from samples as they are, by name."""
        values = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: value for name, value in values.items() if value != _AS_IT_IS[name]}

    @property
    def standardizes(self) -> bool:
        """Whether it is `(x - mean) / std`."""
        return self.mean is not None or self.std is not None

    def problem(self) -> str:
        """What is wrong with it whatever the model is, with its key and what to do; "" where nothing is."""
        if self.standardizes and {"scale", "offset"} & self.given.keys():
            forms = "scale and offset, x * scale + offset, or mean and std, (x - mean) / std"
            return f": {' and '.join(self.given)} are of two forms; write {forms}"
        for name, value in self.given.items():
            numbers = value if isinstance(value, tuple) else (value,)
            if not numbers:
                return f".{name}: an empty list; give one number, or one for each channel"
            if not all(map(math.isfinite, numbers)):
                return f".{name}: holds NaN or infinity; give numbers"
            if name == "std" and not all(numbers):
                return ".std: holds 0, by which nothing is divided; write 1 for a channel that never changes"
        return ""

    def misfit(self, inputs: tuple[TensorSpec, ...]) -> str:
        """Why its lists are not for these inputs of a model, with the key; "" where they are."""
        lists = {name: value for name, value in self.given.items() if isinstance(value, tuple)}
        for wanted in (i for i in inputs if i.dtype.startswith("float")):
            channels = wanted.shape[-1] if wanted.shape else 1
            for name, value in lists.items():
                if len(value) != channels:
                    return (
                        f".{name}: {len(value)} numbers, but the model's input {wanted.name!r} has {channels} channels "
                        "(its last axis); give one for each, or one number for all"
                    )
        return ""


_AS_IT_IS: dict[str, Numbers | None] = {"scale": 1.0, "offset": 0.0, "mean": None, "std": None}


def preprocessed(x: np.ndarray, said: Preprocessing) -> np.ndarray:
    """Samples of floats as the model takes them.

    Args:
      x: (N, …, channels) of any real dtype.

    Returns:
      of the same shape: float32, each operation rounded to float32, or `x` itself where nothing is to be done.
    """
    import numpy as np

    if not said.given:
        return x
    x = x.astype(np.float32)
    if said.standardizes:
        x -= np.asarray(0.0 if said.mean is None else said.mean, np.float32)
        x /= np.asarray(1.0 if said.std is None else said.std, np.float32)
    else:
        x *= np.asarray(said.scale, np.float32)
        x += np.asarray(said.offset, np.float32)
    return x
