"""Read a photo file of any bit depth as an 8-bit image, or say why it cannot be read."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif"})
# Formats that are not read, by the names that people know them by.
_RAW = (".cr2", ".cr3", ".nef", ".arw", ".dng", ".orf", ".rw2", ".raf", ".pef", ".srw")
FOREIGN = {".heic": "HEIC", ".heif": "HEIC", ".avif": "AVIF", ".jxl": "JPEG XL", **dict.fromkeys(_RAW, "RAW")}
_WHITE_16, _WHITE_8 = 65535, 255


class BadPhotoError(ValueError):
    """The file cannot be used as a photo; the message gives the reason and a remedy."""


def read_photo(path: Path) -> Image.Image:
    """Return the decoded photo, rotated by its EXIF orientation; of several frames the first.

    Raises:
        BadPhotoError: the file is no image, is damaged, has 32-bit pixels, or exceeds Pillow's limit of 89 megapixels.
    """
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                image.load()
                return _in_8_bits(ImageOps.exif_transpose(image))
    except BadPhotoError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadPhotoError(_too_large(str(error))) from error
    except (OSError, SyntaxError, ValueError) as error:
        kind = FOREIGN.get(path.suffix.lower())
        reason = f"{kind} photos are not read; convert it to .jpg" if kind else f"{error}; give a .jpg or .png"
        raise BadPhotoError(reason) from error


def _in_8_bits(image: Image.Image) -> Image.Image:
    """Return the image with 8 bits per channel.

    Pillow would convert 16-bit grey by clipping at 255, which turns nearly every pixel white.
    """
    from PIL import Image

    if image.mode in ("I", "F"):
        raise BadPhotoError("it has 32-bit pixels without a known black and white; save it with 8 or 16 bits")
    if not image.mode.startswith("I;16"):
        return image
    pixels = np.asarray(image).astype(np.uint32)
    return Image.fromarray(((pixels * _WHITE_8 + _WHITE_16 // 2) // _WHITE_16).astype(np.uint8))


def _too_large(complaint: str) -> str:
    pixels = re.search(r"\d+", complaint)  # Pillow gives the size only in the message
    megapixels = f" ({int(pixels[0]) / 1e6:.0f} megapixels)" if pixels else ""
    return f"it is too large{megapixels}; shrink it"


def file_key(path: Path) -> str:
    """Return what tells whether a file is the same as before: its path, size and time of change."""
    found = path.stat()
    return f"{path.resolve()} {found.st_size} {found.st_mtime_ns}"
