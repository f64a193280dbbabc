"""Data augmentation: random shifts, zoom, mirroring, brightness and contrast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

_SHIFT, _ZOOM, _BRIGHTNESS, _CONTRAST = 0.1, 0.15, 0.15, 0.15  # shares of the side, and of the range
_WHITE = 255.0


class Augmentation:
    """Augments photos and their masks; the same state of the random generator gives the same result."""

    def __init__(self, *, mirrored: bool) -> None:
        """Create the augmentation layers; `mirrored` says whether photos may be mirrored."""
        kind = keras.layers
        still = {"fill_mode": "reflect", "seed": 0}
        self.mirrored = mirrored
        self._moving = [kind.RandomFlip("horizontal", seed=0)] if mirrored else []
        self._moving += [kind.RandomTranslation(_SHIFT, _SHIFT, **still), kind.RandomZoom((-_ZOOM, _ZOOM), **still)]
        self._lighting = [
            kind.RandomBrightness(_BRIGHTNESS, value_range=(0, _WHITE), seed=0),
            kind.RandomContrast(_CONTRAST, value_range=(0, _WHITE), seed=0),
        ]

    def moved(
        self, photos: NDArray[np.uint8], masks: NDArray[Any] | None, rng: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[Any] | None]:
        """Return photos (N, height, width, channels) and masks (N, height, width), with the same random changes."""
        data: dict[str, Any] = {"images": photos.astype(np.float32)}
        if masks is not None:
            data["segmentation_masks"] = masks[..., None]
        data = _changed(data, self._moving, rng)
        if masks is None:
            return _bytes(data["images"]), None
        return _bytes(data["images"]), np.asarray(data["segmentation_masks"])[..., 0].astype(masks.dtype)

    def lit(self, photos: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return photos (N, height, width, channels) with random brightness and contrast."""
        return _bytes(_changed({"images": photos.astype(np.float32)}, self._lighting, rng)["images"])


def _changed(data: dict[str, Any], layers: Sequence[Any], rng: np.random.Generator) -> dict[str, Any]:
    for layer in layers:
        layer.generator.state.assign(rng.integers(0, 2**31, 2))
        data = layer(data, training=True)
    return data


def _bytes(photos: Any) -> NDArray[np.uint8]:
    whole: NDArray[np.uint8] = np.clip(np.rint(np.asarray(photos)), 0, _WHITE).astype(np.uint8)
    return whole
