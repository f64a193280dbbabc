"""The full-size photo of the first golden input: `zoo verify` makes that input again, as a device would.

Only a built-in photo travels with an export; a user's own photos never do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from calibration.photo_file import BadPhotoError, read_photo
from calibration.samples import Samples
from calibration.sources import builtin
from calibration.sources.builtin import Crop
from export.bundle.golden import Golden
from export.bundle.read import Delivered, damage
from zoo.preprocessing import Preprocessing

STEM = "golden_photo"
ROW = 0
# Decoders and resizing filters of other versions may round a byte differently.
MAX_BYTES_OFF = 2
FEWEST_BYTES = 64  # A smaller input may equal another one, so that an export leaves it out.
SMALLEST_CROP = 0.1  # A smaller one, which no network has, would resize the photo to a huge size.


@dataclass(frozen=True, kw_only=True)
class GoldenPhoto:
    """A photo from which the first golden input was computed.

    Attributes:
        name: name of the file in the folder.
        content: the photo's file as it was.
        crop: the part that became the input.
    """

    name: str
    content: bytes
    crop: Crop

    def record(self) -> dict[str, Any]:
        """Return the manifest entry as plain data."""
        return {"file": self.name, "row": ROW, **self.crop.record()}


def find(probe: Samples, preprocessing: Preprocessing | None) -> GoldenPhoto | None:
    """Return the photo of the first sample of the proof if it is a built-in one, otherwise None."""
    if preprocessing is None or probe.photos is None or builtin.SOURCE not in probe.source:
        return None
    path, crop = builtin.first_probe(preprocessing, probe.seed)
    if not np.array_equal(preprocessing.photo(crop.of(read_photo(path))), probe.photos[ROW]):
        return None
    return GoldenPhoto(name=f"{STEM}{path.suffix}", content=path.read_bytes(), crop=crop)


def companions(photo: GoldenPhoto | None) -> dict[str, bytes]:
    """Return the content of the photo by its name; nothing without a photo."""
    return {photo.name: photo.content} if photo is not None else {}


def problems(delivered: Delivered, golden: Golden) -> Iterator[str]:
    """Yield why the manifest's preprocessing does not make the first golden input of the full-size photo."""
    record: Mapping[str, Any] | None = delivered.manifest.get("golden_photo")
    if record is None:
        source, photos = delivered.manifest["probe"]["source"], golden.photos
        if photos is not None and photos[ROW].size >= FEWEST_BYTES and builtin.SOURCE in source:
            yield "the full-size photo of the first golden input is missing; export the model again"
        return
    name, crop = str(record["file"]), Crop.from_record(record)
    if name not in delivered.companions:
        yield f"{name} is not among the companions in the manifest"
        return
    if delivered.preprocessing is None or golden.photos is None:
        yield f"{name} became an input, but the manifest has no preprocessing or the golden data no photo"
        return
    if trouble := damage(delivered.folder / name, delivered.companions[name]):
        yield f"{name}: {trouble}"
        return
    try:
        photo = read_photo(delivered.folder / name)
    except BadPhotoError as error:
        yield f"{name} cannot be read as a photo: {error}"
        return
    stored = golden.photos[int(record["row"])]
    if not _fits(delivered.preprocessing, stored.shape) or not crop.lies_in(photo.size):
        yield f"the manifest's size or crop is not that of the golden input or of {name}"
        return
    made = delivered.preprocessing.photo(crop.of(photo))
    off = int(np.abs(made.astype(np.int16) - stored.astype(np.int16)).max())
    if off > MAX_BYTES_OFF:
        yield f"the manifest's size, crop, filter and colours make another golden input of {name}: {off} of 255 off"


def _fits(preprocessing: Preprocessing, shape: tuple[int, ...]) -> bool:
    """Return whether photos get this shape, without resizing them to a huge size before."""
    return preprocessing.shape == shape and SMALLEST_CROP <= preprocessing.crop_fraction <= 1
