"""Pictures of a camera as a model takes them: cut, made smaller or larger, with the colours in its order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from msgspec import Meta

from edgekit.config import Settings
from edgekit.errors import ProjectError
from edgekit.frontend import resample
from edgekit.frontend.base import FrontendSettings, Raw

if TYPE_CHECKING:
    import numpy as np

Side = Annotated[int, Meta(ge=1, le=8192)]
"""Of a picture, in pixels."""
GREY = (19595, 38470, 7471)
"""65536 times the shares of red, green and blue in a grey value, ITU-R BT.601; those of Pillow's mode L."""
CHUNK = 1 << 22
"""Values that are computed at a time."""


class Box(Settings, frozen=True, kw_only=True):
    """A part of the buffer, in pixels."""

    top: Annotated[int, Meta(ge=0)] = 0
    left: Annotated[int, Meta(ge=0)] = 0
    height: Side
    width: Side


class Image(FrontendSettings, frozen=True, kw_only=True, tag="image"):
    """A camera's buffer, cut and resized.

    Features are (height, width, 3), or (height, width, 1) of grey: 0 … 255, in steps of 1. In this order: bits to
    bytes, colours to grey, crop, resize. What resizing gives is the exact average, rounded once, halves up: at most 0.5
    from what it is in real numbers; grey values are rounded before, so that they are at most 1 from that.
    """

    pixels: Literal["rgb", "bgr", "grey", "rgb565le", "rgb565be"] = "rgb"
    """What the buffer holds: bytes of colours, bytes of grey, or 16 bits a pixel, red uppermost, with the low or the
    high byte first in memory. 5 and 6 bits become 8 by repeating their upper bits, so that white stays white."""
    height: Side
    """Of the buffer."""
    width: Side
    crop: Literal["none", "square"] | Box = "none"
    """The square is the largest, in the centre; where that is between two pixels, the upper or left one of the two."""
    resize: Literal["area", "bilinear", "none"] = "area"
    """`area` averages all that a pixel of the model covers: for pictures that become smaller. `bilinear` looks at the
    two nearest pixels each way, and so leaves some out where it makes less than half as many."""
    size: tuple[Side, Side] | None = None
    """Height and width that the model takes; by default what `crop` leaves."""
    colours: Literal["rgb", "bgr", "grey"] = "rgb"
    """That the model takes. From a grey buffer it gets the same value three times."""

    template: ClassVar[str] = "image.c.jinja"
    bounds: ClassVar[tuple[int, int]] = (0, 255)

    def shape(self, raw: Raw) -> tuple[int, ...]:
        """(height, width, colours) that the model takes.

        Raises:
          ProjectError: the pictures are others than the settings say, or the settings contradict each other.
        """
        if raw != self.raw:
            raise ProjectError(
                f"frontend: pictures of pixels {self.pixels!r} are {_words(self.raw)}, but the data have "
                f"{_words(raw)}; set height, width and pixels as the camera gives them"
            )
        box, (height, width) = self.box, self.made
        if box.top + box.height > self.height or box.left + box.width > self.width:
            raise ProjectError(
                f"frontend.crop: rows {box.top} to {box.top + box.height} and columns {box.left} to "
                f"{box.left + box.width} are not all in a picture of {self.height}x{self.width}; make it smaller"
            )
        if self.resize == "none" and (height, width) != (box.height, box.width):
            raise ProjectError(
                f"frontend.size: {height}x{width}, but crop leaves {box.height}x{box.width} and resize is 'none'; "
                "set resize to 'area' or 'bilinear'"
            )
        rows, columns = self.taps
        if rows.total * columns.total > 1 << 24:
            raise ProjectError(
                f"frontend.size: {box.height}x{box.width} to {height}x{width} does not fit 32 bits of weights; choose "
                "a size that has a larger divisor in common with what crop leaves"
            )
        return (height, width, 1 if self.colours == "grey" else 3)

    @property
    def raw(self) -> Raw:
        """What the camera gives."""
        if self.pixels.startswith("rgb565"):
            return Raw((self.height, self.width), "uint16")
        return Raw((self.height, self.width, *([] if self.pixels == "grey" else [3])), "uint8")

    @property
    def box(self) -> Box:
        """What `crop` leaves."""
        if isinstance(self.crop, Box):
            return self.crop
        if self.crop == "none":
            return Box(height=self.height, width=self.width)
        side = min(self.height, self.width)
        return Box(top=(self.height - side) // 2, left=(self.width - side) // 2, height=side, width=side)

    @property
    def made(self) -> tuple[int, int]:
        """Height and width of the features."""
        return self.size or (self.box.height, self.box.width)

    @property
    def taps(self) -> tuple[resample.Taps, resample.Taps]:
        """Of rows and of columns."""
        method = resample.bilinear if self.resize == "bilinear" else resample.area
        return method(self.box.height, self.made[0]), method(self.box.width, self.made[1])

    @property
    def step(self) -> float:
        """1: features are as the camera counts."""
        return 1.0

    def features(self, raw: np.ndarray) -> np.ndarray:
        """Pictures (N, height, width[, 3]) as the model takes them, (N, height, width, colours) int16."""
        import numpy as np

        shape = self.shape(Raw(raw.shape[1:], raw.dtype.name))
        made = np.empty((len(raw), *shape), np.int16)
        chunk = max(CHUNK // (self.height * self.width * 3), 1)
        for start in range(0, len(raw), chunk):
            made[start : start + chunk] = self._some(raw[start : start + chunk])
        return made

    def _some(self, raw: np.ndarray) -> np.ndarray:
        box, (rows, columns) = self.box, self.taps
        part = raw[:, box.top : box.top + box.height, box.left : box.left + box.width]
        sums = resample.weighted(resample.weighted(self._colours(part), columns, axis=2), rows, axis=1)
        total = rows.total * columns.total
        return (sums + total // 2) // total

    def _colours(self, raw: np.ndarray) -> np.ndarray:
        """Values 0 … 255 of pixels in the colours that the model takes, (…, colours) uint32."""
        import numpy as np

        if self.pixels == "grey":
            return np.repeat(raw[..., None].astype(np.uint32), 1 if self.colours == "grey" else 3, axis=-1)
        if self.pixels.startswith("rgb565"):
            word = (raw.byteswap() if self.pixels == "rgb565be" else raw).astype(np.uint32)
            red, green, blue = word >> 11, word >> 5 & 63, word & 31
            rgb = [red << 3 | red >> 2, green << 2 | green >> 4, blue << 3 | blue >> 2]
        else:
            rgb = [raw[..., self.pixels.index(c)].astype(np.uint32) for c in "rgb"]
        if self.colours == "grey":
            red, green, blue = (share * values for share, values in zip(GREY, rgb, strict=True))
            return (red + green + blue + (1 << 15) >> 16)[..., None]
        return np.stack([rgb["rgb".index(c)] for c in self.colours], axis=-1)

    def constants(self, raw: Raw) -> dict[str, Any]:
        """Sizes, and of rows and columns what each is made of."""
        height, width, colours = self.shape(raw)
        box, (rows, columns) = self.box, self.taps
        return {
            "pixels": self.pixels,
            "colours": self.colours,
            "channels": colours,
            "bytes_of_pixel": 1 if len(raw.shape) == 2 else 3,
            "buffer_height": self.height,
            "buffer_width": self.width,
            "top": box.top,
            "left": box.left,
            "height": height,
            "width": width,
            "resize": self.resize,
            "rows": _tables(rows),
            "columns": _tables(columns),
            "total": rows.total * columns.total,
            "row_type": "uint16_t" if 255 * columns.total < 1 << 16 else "uint32_t",
            "grey": GREY,
        }


def _tables(taps: resample.Taps) -> dict[str, list[int]]:
    """Taps as C holds them, the weights one after the other."""
    return {
        "first": [*taps.first],
        "count": [*map(len, taps.weights)],
        "weight": [weight for weights in taps.weights for weight in weights],
    }


def _words(raw: Raw) -> str:
    return f"{'x'.join(map(str, raw.shape))} {raw.dtype}"
