"""The usual ways in which photos become inputs, by their names in keras.applications."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from zoo.errors import unknown
from zoo.preprocessing import ColourOrder, Preprocessing

_TORCH_MEAN, _TORCH_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True, kw_only=True)
class Convention:
    """`byte * scale + offset` per channel, in this order of colours."""

    scale: tuple[float, ...]
    offset: tuple[float, ...]
    colours: ColourOrder = "RGB"


CONVENTIONS: Mapping[str, Convention] = {
    "raw": Convention(scale=(1.0,), offset=(0.0,)),
    "unit": Convention(scale=(1 / 255,), offset=(0.0,)),
    "tf": Convention(scale=(1 / 127.5,), offset=(-1.0,)),
    "caffe": Convention(scale=(1.0,), offset=(-103.939, -116.779, -123.68), colours="BGR"),
    "torch": Convention(
        scale=tuple(1 / 255 / deviation for deviation in _TORCH_DEVIATION),
        offset=tuple(-mean / dev for mean, dev in zip(_TORCH_MEAN, _TORCH_DEVIATION, strict=True)),
    ),
}


def find(name: str) -> Convention:
    """Return the convention of that name.

    Raises:
        UsageProblemError: no such name; the message suggests the nearest ones.
    """
    if name not in CONVENTIONS:
        raise unknown("preprocessing", name, CONVENTIONS)
    return CONVENTIONS[name]


def preprocessing(name: str, shape: tuple[int, ...]) -> Preprocessing:
    """Return the preprocessing for an input (height, width, channels); the short side of a photo fills it, centred."""
    convention, grey = find(name), shape[2] == 1
    return Preprocessing(
        height=shape[0],
        width=shape[1],
        colours="GRAY" if grey else convention.colours,
        scale=convention.scale[:1] if grey else convention.scale,
        offset=convention.offset[:1] if grey else convention.offset,
        resize="bilinear",
        crop_fraction=1.0,
    )
