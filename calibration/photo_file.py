"""A photo from a file, as 8-bit numbers whatever the file holds, or a sentence why not."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif"})
_WHITE_16, _WHITE_8 = 65535, 255


class BadPhotoError(ValueError):
    """The file gives no photo; the message says why and what to do."""


def read_photo(path: Path) -> Image.Image:
    """Return the decoded photo, turned as the camera's orientation says; of several frames the first.

    Raises:
        BadPhotoError: no photo, broken, of unknown brightness, or too large (Pillow's 89 megapixels are the limit).
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
        raise BadPhotoError(f"{error}; give a .jpg or .png") from error


def _in_8_bits(image: Image.Image) -> Image.Image:
    """Return 16-bit grey as 8-bit grey: Pillow's own conversion would cut off at 255, and all of it be white."""
    from PIL import Image

    if image.mode in ("I", "F"):
        raise BadPhotoError("its black and white are not known: it holds 32-bit numbers; save it with 8 or 16 bits")
    if not image.mode.startswith("I;16"):
        return image
    pixels = np.asarray(image).astype(np.uint32)
    return Image.fromarray(((pixels * _WHITE_8 + _WHITE_16 // 2) // _WHITE_16).astype(np.uint8))


def _too_large(complaint: str) -> str:
    pixels = re.search(r"\d+", complaint)  # Pillow tells the size in its sentence only
    megapixels = f" ({int(pixels[0]) / 1e6:.0f} megapixels)" if pixels else ""
    return f"it is too large{megapixels}; shrink it"
