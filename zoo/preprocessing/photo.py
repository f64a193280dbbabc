"""How a photo becomes a model's input: data, not code, so that devices and manifests can carry it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

ColourOrder = Literal["RGB", "BGR", "GRAY"]
Fit = Literal["crop", "stretch"]


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """Fit the photo to the input, order the colours, then `byte * scale + offset` per channel.

    Attributes:
        height: of the input, in pixels.
        width: of the input, in pixels.
        resize: filter, as Pillow names it.
        crop_fraction: input side / short side after the resize (224 / 256 = 0.875); 1 for "stretch".
        colours: the order of the channels of the input.
        scale: one number, or one per channel in the model's order.
        offset: one number, or one per channel in the model's order.
        fit: "crop" resizes the short side and takes the centre; "stretch" makes the whole photo as wide and as high as
            the input, so that no object is cut off.
    """

    height: int
    width: int
    colours: ColourOrder = "RGB"
    scale: tuple[float, ...] = (1.0,)
    offset: tuple[float, ...] = (0.0,)
    resize: Literal["nearest", "bilinear", "bicubic"] = "bicubic"
    crop_fraction: float = 0.875
    fit: Fit = "crop"

    def __post_init__(self) -> None:
        if self.fit not in get_args(Fit):
            raise ValueError(f"fit must be one of {', '.join(get_args(Fit))}, not {self.fit!r}")
        if self.fit == "stretch" and self.crop_fraction != 1:
            raise ValueError(f"a photo that is stretched is not cropped to {self.crop_fraction} of its side")

    @property
    def channels(self) -> int:
        """Number of channels of the input."""
        return 1 if self.colours == "GRAY" else 3

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of one input: (height, width, channels)."""
        return self.height, self.width, self.channels

    @property
    def takes_camera_bytes(self) -> bool:
        """Whether one scale and offset are enough, so that a uint8 input can be the photo's own bytes."""
        return len(set(self.scale)) == 1 and len(set(self.offset)) == 1 and self.colours != "BGR"

    def photo(self, image: Image.Image) -> NDArray[np.uint8]:
        """Return the photo's bytes (height, width, channels), RGB or grey, fitted to the input."""
        import numpy as np
        from PIL import Image

        image = image.convert("L" if self.colours == "GRAY" else "RGB")
        if self.fit == "stretch":
            image = image.resize((self.width, self.height), Image.Resampling[self.resize.upper()])
            return np.asarray(image, np.uint8).reshape(self.shape)
        ratio = max(self.width / image.width, self.height / image.height) / self.crop_fraction
        size = (max(self.width, round(image.width * ratio)), max(self.height, round(image.height * ratio)))
        image = image.resize(size, Image.Resampling[self.resize.upper()])
        left, top = (size[0] - self.width) // 2, (size[1] - self.height) // 2
        image = image.crop((left, top, left + self.width, top + self.height))
        return np.asarray(image, np.uint8).reshape(self.shape)

    def normalise(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return `photos` (..., height, width, channels) as inputs of the model, float32."""
        import numpy as np

        ordered = photos[..., ::-1] if self.colours == "BGR" else photos
        scale, offset = np.asarray(self.scale, np.float32), np.asarray(self.offset, np.float32)
        return ordered.astype(np.float32) * scale + offset

    def record(self) -> dict[str, Any]:
        """Return plain data for a manifest."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the preprocessing that `record()` described."""
        values = dict(record)
        return cls(**values | {"scale": tuple(values["scale"]), "offset": tuple(values["offset"])})
