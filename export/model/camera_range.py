"""Real values of the camera bytes 0 and 255."""

from __future__ import annotations

from zoo.preprocessing import Preprocessing

CameraRange = tuple[float, float]


def camera_range(preprocessing: Preprocessing | None) -> CameraRange | None:
    """Return the real values of the bytes 0 and 255 in a model's input.

    None without such a linear mapping: without a single scale and offset, or if the range does not contain 0.
    """
    if preprocessing is None or not preprocessing.takes_camera_bytes:
        return None
    low = preprocessing.offset[0]
    high = low + 255 * preprocessing.scale[0]
    return (low, high) if low <= 0 <= high else None
