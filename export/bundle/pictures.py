"""The pictures of the report: the diagram of the network, and photos of the samples with the largest errors.

Each is a file beside the report, named in the manifest, so that the report follows from the folder. Only built-in
photos travel with an export; a user's own photos never do.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.samples import Array, Samples
from export.analysis.deviations.run import Deviation, Deviations
from export.analysis.tasks.segmentation.outputs import mask_colours
from export.bundle.golden_photo import GoldenPhoto
from export.bundle.read import Delivered, damage

DIAGRAM = "diagram.svg"
PHOTO_PIXELS = 192  # of the longer side
SMALL_PIXELS = 64  # A photo up to this side is stored as it is.
JPEG_QUALITY = 80
MASK_PIXELS = 128
CHANGED = (255, 255, 255)  # The palette of masks has no white among its first classes.
GAP, GAP_COLOUR = 2, 128  # between two masks
MOST_BYTES = 160_000  # of one picture


@dataclass(frozen=True, kw_only=True)
class SamplePictures:
    """Pictures of the samples with the largest errors.

    Attributes:
        names: the manifest's entries, by the row of the sample.
        files: the content of the files by name.
    """

    names: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)


def of_samples(found: Deviations | None, probe: Samples, photo: GoldenPhoto | None) -> SamplePictures:
    """Return pictures of the samples of a proof that used built-in photos; none of other samples.

    Args:
        found: the samples with the largest errors.
        probe: the samples of the proof.
        photo: the photo of the first sample, which is known if and only if the photos are built in.
    """
    if found is None or probe.photos is None or photo is None:
        return SamplePictures()
    names: dict[int, dict[str, Any]] = {}
    files: dict[str, bytes] = {}
    for one in found.samples:
        row, pixels = one.error.row, probe.photos[one.error.row]
        suffix, content = _photo(pixels)
        names[row] = {"photo": f"sample_{row + 1}{suffix}", "size": [pixels.shape[1], pixels.shape[0]]}
        files[names[row]["photo"]] = content
        if (masks := _masks(one)) is not None:
            names[row]["masks"] = f"sample_{row + 1}_masks.png"
            files[names[row]["masks"]] = masks
    return SamplePictures(names=names, files=files)


def of_diagram(content: bytes | None) -> dict[str, bytes]:
    """Return the drawing of the network by its name; nothing if there is none or it is too large for a page."""
    return {DIAGRAM: content} if content is not None and len(content) <= MOST_BYTES else {}


def read(delivered: Delivered) -> dict[str, bytes]:
    """Return the pictures in a folder that its report shows, by name."""
    paths = [delivered.folder / name for name in _names(delivered)]
    return {path.name: path.read_bytes() for path in paths if path.is_file() and path.stat().st_size <= MOST_BYTES}


def are_whole(delivered: Delivered) -> bool:
    """Return whether the pictures in a folder are those of the export."""
    return not any(damage(delivered.folder / name, delivered.companions[name]) for name in _names(delivered))


def _names(delivered: Delivered) -> list[str]:
    """Return the names of the pictures that the manifest mentions and lists as files."""
    samples = (delivered.manifest.get("deviations") or {}).get("samples", ())
    found = [delivered.manifest.get("diagram"), *(one.get(kind) for one in samples for kind in ("photo", "masks"))]
    return [name for name in found if name in delivered.companions]


def _photo(pixels: NDArray[np.uint8]) -> tuple[str, bytes]:
    """Return a suffix and the content of a small picture of a photo (height, width, channels)."""
    from PIL import Image

    picture = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    packed = io.BytesIO()
    if max(picture.size) <= SMALL_PIXELS:
        picture.save(packed, "PNG")
        return ".png", packed.getvalue()
    picture.thumbnail((PHOTO_PIXELS, PHOTO_PIXELS))
    picture.save(packed, "JPEG", quality=JPEG_QUALITY)
    return ".jpg", packed.getvalue()


def _masks(one: Deviation) -> bytes | None:
    """Return the mask of the model, that of the file and the pixels that differ, side by side, as PNG."""
    from PIL import Image

    if one.masks is None:
        return None
    model, file = (_small(mask) for mask in one.masks)
    colours = mask_colours()
    changed = np.where((model != file)[..., None], np.array(CHANGED, np.uint8), colours[model] // 3)
    packed = io.BytesIO()
    gap = np.full((len(model), GAP, 3), GAP_COLOUR, np.uint8)
    strip = np.concatenate([colours[model], gap, colours[file], gap, changed], axis=1)
    Image.fromarray(strip.astype(np.uint8)).save(packed, "PNG", optimize=True)
    return packed.getvalue()


def _small(mask: Array) -> NDArray[np.uint8]:
    step = max(1, -(-max(mask.shape) // MASK_PIXELS))
    return np.asarray(mask[::step, ::step] % 256, np.uint8)
