"""What the bytes of a photo mean to a model: the real numbers of the bytes 0 and 255."""

from __future__ import annotations

from zoo.preprocessing import Preprocessing

CameraRange = tuple[float, float]


def camera_range(preprocessing: Preprocessing | None) -> CameraRange | None:
    """Return what the bytes 0 and 255 mean, if one scale and offset say it and 0 lies between."""
    if preprocessing is None or not preprocessing.takes_camera_bytes:
        return None
    low = preprocessing.offset[0]
    high = low + 255 * preprocessing.scale[0]
    return (low, high) if low <= 0 <= high else None
