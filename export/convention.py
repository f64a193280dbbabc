"""The input convention: what the bytes of a photo mean to a model, and whether a file says the same."""

from __future__ import annotations

import numpy as np

from export.check import Check
from export.targets.session import TensorSpec
from export.tolerances import CONVENTION
from zoo.preprocessing import Preprocessing

CameraRange = tuple[float, float]


def camera_range(preprocessing: Preprocessing | None) -> CameraRange | None:
    """Return what the bytes 0 and 255 mean, if one scale and offset say it and 0 lies between."""
    if preprocessing is None or not preprocessing.takes_camera_bytes:
        return None
    low = preprocessing.offset[0]
    high = low + 255 * preprocessing.scale[0]
    return (low, high) if low <= 0 <= high else None


def check(spec: TensorSpec, camera: CameraRange) -> Check:
    """Judge whether an integer input's smallest and largest numbers mean what the bytes 0 and 255 do.

    Comparing answers cannot see a scale that is 2 % wrong; a device that feeds bytes lives by it.
    """
    limits = np.iinfo(spec.dtype)
    ends = spec.dequantize(np.array([limits.min, limits.max]))
    step = (camera[1] - camera[0]) / (limits.max - limits.min)
    steps = float(np.abs(ends - np.array(camera)).max() / step)
    return Check.at_most(
        CONVENTION,
        steps,
        question="convention",
        output=f"input {spec.name}",
        quantity="scale and zero point, worst error in steps",
    )
