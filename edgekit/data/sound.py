"""Recordings of sound as a front-end takes them: int16 of one channel, at its sample rate, all of one length."""

from __future__ import annotations

import io
import warnings
from collections import Counter
from math import gcd, prod
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from edgekit.data.inputs import alike
from edgekit.data.recordings import Recorded, check_memory, read_bounded
from edgekit.errors import DataError, ProjectError
from edgekit.frontend.base import Raw

if TYPE_CHECKING:
    import numpy as np

SUFFIXES = {".wav", ".wave"}
LONGEST = 1 << 24
"""Samples that a recording may be cut or filled up to."""
FULL = {"int16": 1 << 15, "int32": 1 << 31, "float32": 1, "float64": 1}
"""What full scale is in a file."""
CLIPPED = 1e-3
"""Share of samples at full scale from which a reader is told."""


class Listener(Protocol):
    """A front-end of sound."""

    @property
    def sample_rate(self) -> int:
        """In Hz."""

    def shape(self, raw: Raw) -> tuple[int, ...]:
        """See `Frontend`."""


def from_array(x: np.ndarray, _: Listener, where: str) -> Recorded:
    """An array of recordings.

    Args:
      x: (N, samples) or (N, samples, 1): int16, or floats of -1 to 1.

    Raises:
      DataError: it is none.
    """
    import numpy as np

    if x.ndim == 3 and x.shape[2] == 1:
        x = x[:, :, 0]
    if x.ndim != 2 or x.dtype not in (np.int16, np.float32, np.float64):
        shape = "x".join(map(str, x.shape))
        raise DataError(f"{where}: {shape} {x.dtype}, but sound is (recordings, samples): int16, or floats of -1 to 1")
    remarks = list[str]()
    if x.dtype != np.int16:
        if not np.isfinite(x).all() or np.abs(x).max(initial=0) > 1:
            raise DataError(f"{where}: holds floats beyond -1 to 1, which are full scale; scale them, or give int16")
        x = _rounded(x)
        remarks.append("sound in floats became int16")
    return Recorded(x, np.arange(len(x)), _quality(list(x)), tuple(remarks))


def from_files(files: list[Path], frontend: Listener, wanted: tuple[int, ...], samples: int) -> Recorded:
    """Recordings in WAV files: mixed to one channel, resampled, and filled up with zeros or cut at the end.

    Args:
      wanted: shape that features must have, which says how long a recording is; () where it is not known.
      samples: length of a recording, at the front-end's rate; 0 for what fits `wanted`, else for the usual one.

    Raises:
      DataError: a file is damaged, of another format, or too large; or no length is usual.
    """
    import numpy as np

    sounds, rates, mixed, total = list["np.ndarray"](), Counter[int](), 0, 0
    for file in files:
        rate, channels, sound = read_wav(file, frontend.sample_rate)
        rates[rate] += 1
        mixed += channels > 1
        total += sound.nbytes
        check_memory(str(file.parent), total)
        sounds.append(sound)
    lengths = Counter(map(len, sounds))
    length = samples or _length(lengths, frontend, wanted, files[0].parent)
    check_memory(str(files[0].parent), 2 * length * len(sounds))
    x = np.zeros((len(sounds), length), np.int16)
    for row, sound in zip(x, sounds, strict=True):
        row[: len(sound)] = sound[:length]
    slow, resampled = _other_rates(rates, frontend.sample_rate)
    together = f"{mixed} of {len(files)} recordings mixed to one channel" if mixed else ""
    remarks = filter(None, (resampled, together, _fitted(lengths, length, frontend.sample_rate)))
    return Recorded(x, np.arange(len(x)), (*filter(None, [slow]), *_quality(sounds)), tuple(remarks))


def read_wav(file: Path, rate: int) -> tuple[int, int, np.ndarray]:
    """A WAV file of 8, 16, 24 or 32 bits or of floats.

    Args:
      rate: to resample to, in Hz.

    Returns:
      its sample rate, its number of channels, and its sound, (samples,) int16. What has this rate, one channel and 16
      bits is unchanged.

    Raises:
      DataError: it is damaged, of another format or too large.
    """
    import numpy as np
    from scipy.io import wavfile
    from scipy.signal import resample_poly

    content = read_bounded(file)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", message="Chunk")  # of which none holds sound
            stored, sound = wavfile.read(io.BytesIO(content))  # not the file: of that it believes any length
    except MemoryError:
        raise DataError(f"{file}: takes more memory than there is; cut it into several") from None
    except Exception as problem:  # the reader raises whatever its parser ran into
        said = " ".join(str(problem).split())[:100]
        raise DataError(f"{file}: cannot be read as WAV ({said}); save it as PCM of 16 bits") from None
    if not 1000 <= stored <= 768_000:
        raise DataError(f"{file}: a sample rate of {stored:,} Hz; 1,000 to 768,000 Hz are read")
    if not sound.size:
        raise DataError(f"{file}: holds no sound; remove it")
    channels = 1 if sound.ndim == 1 else sound.shape[1]
    if sound.dtype == np.int16 and channels == 1 and stored == rate:
        return stored, 1, sound
    if sound.dtype == np.uint8:
        sound = (sound.astype(np.int16) - 128) << 8
    values = sound.astype(np.float64) / FULL[sound.dtype.name]
    if not np.isfinite(values).all():
        raise DataError(f"{file}: holds NaN or infinity; remove it")
    if channels > 1:
        values = values.mean(axis=1)
    if stored != rate:
        common = gcd(stored, rate)
        check_memory(str(file), 8 * len(values) * rate // stored)
        values = resample_poly(values, rate // common, stored // common)
    return stored, channels, _rounded(values)


def check_rate(said: np.ndarray, frontend: Listener, source: str) -> None:
    """Refuses recordings of another rate than the front-end's.

    Args:
      said: the array `sample_rate` of a dataset.

    Raises:
      DataError: it is another one, or no number.
    """
    rates = {*said.ravel().tolist()} if said.dtype.kind in "iuf" else set()
    if rates != {frontend.sample_rate}:
        listed = ", ".join(f"{rate:g}" for rate in sorted(rates)[:3]) or "no number"
        raise DataError(
            f"{source}: sample_rate is {listed}, but frontend.sample_rate is {frontend.sample_rate}; set that, or give "
            "WAV files, which are resampled"
        )


def _other_rates(rates: Counter[int], rate: int) -> tuple[str, str]:
    """What is lost of recordings of lower rates, and that others were resampled; "" where there are none.

    Args:
      rates: how many recordings have each; rate: that of the front-end, all in Hz.
    """
    others = sorted({*rates} - {rate})
    if not others:
        return "", ""
    listed, total = ", ".join(f"{other:,}" for other in others[:5]), sum(rates.values())
    count = sum(rates[other] for other in others)
    resampled = f"{count} of {total} recordings resampled to {rate:,} Hz from {listed} Hz"
    if others[0] > rate:
        return "", resampled
    slow = sum(rates[other] for other in others if other < rate)
    lost = f"{slow} of {total} recordings have a lower rate than frontend.sample_rate, and nothing above half of it"
    return f"{lost}; set it to {others[0]}, or record at {rate}", resampled


def _rounded(values: np.ndarray) -> np.ndarray:
    """-1 to 1 as int16."""
    import numpy as np

    return np.clip(np.rint(values * 32768.0), -32768, 32767).astype(np.int16)


def _length(lengths: Counter[int], frontend: Listener, wanted: tuple[int, ...], folder: Path) -> int:
    """Samples of a recording: the usual number, if features of that have the shape wanted; else the fewest that do."""
    usual, count = lengths.most_common(1)[0]
    if not wanted:
        if count * 2 > sum(lengths.values()):
            return usual
        raise DataError(
            f"{folder.parent}: recordings have {min(lengths):,} to {max(lengths):,} samples; say to how many they are "
            f"cut or filled up, such as --samples={max(lengths)}"
        )
    if alike(_shape(usual, frontend), wanted):
        return usual
    low, high = 0, LONGEST  # more samples never make fewer features
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if prod(_shape(middle, frontend)) < prod(wanted) else (low, middle)
    return high if alike(_shape(high, frontend), wanted) else usual


def _shape(samples: int, frontend: Listener) -> tuple[int, ...]:
    """Of the features of a recording; (0,) of one that is shorter than a window."""
    try:
        return frontend.shape(Raw((samples,), "int16"))
    except ProjectError:
        return (0,)


def _fitted(lengths: Counter[int], length: int, rate: int) -> str:
    shorter = sum(count for samples, count in lengths.items() if samples < length)
    longer = sum(count for samples, count in lengths.items() if samples > length)
    if not shorter + longer:
        return ""
    filled, cut = f"{shorter} filled up with zeros" * bool(shorter), f"{longer} cut" * bool(longer)
    said = " and ".join(filter(None, (filled, cut)))
    return (
        f"of {sum(lengths.values())} recordings {said} at the end, to {length:,} samples ({1000 * length / rate:g} ms)"
    )


def _quality(sounds: list[np.ndarray]) -> tuple[str, ...]:
    """What a reader should know of recordings: silence, and sound that was too loud for what recorded it."""
    import numpy as np

    silent = sum(not sound.any() for sound in sounds)
    full = sum(int(np.count_nonzero((sound == 32767) | (sound == -32768))) for sound in sounds)
    notes = []
    if silent:
        notes.append(f"{silent} of {len(sounds)} recordings are silence (all zeros); remove them, or what made them so")
    if (share := full / sum(map(len, sounds))) > CLIPPED:
        notes.append(f"{share:.1%} of the samples of sound are at full scale, so they may be clipped; record less loud")
    return tuple(notes)
