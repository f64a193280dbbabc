"""The check of the input convention: a file must map a photo's bytes to the numbers that the model expects."""

from __future__ import annotations

import numpy as np

from export.model.camera_range import CameraRange
from export.model.tensor_spec import TensorSpec
from export.proof.check import CheckResult
from export.proof.tolerances import CONVENTION


def check(spec: TensorSpec, camera: CameraRange) -> CheckResult:
    """Check that an integer input maps the bytes 0 and 255 to the preprocessing's numbers.

    A comparison of outputs cannot detect a scale that is 2 % wrong, but a device that feeds bytes depends on it.
    """
    limits = np.iinfo(spec.dtype)
    ends = spec.dequantize(np.array([limits.min, limits.max]))
    step = (camera[1] - camera[0]) / (limits.max - limits.min)
    steps = float(np.abs(ends - np.array(camera)).max() / step)
    return CheckResult.at_most(
        CONVENTION,
        steps,
        id="convention",
        subject=f"input {spec.name}",
        quantity="worst error of scale and zero point",
        unit="steps",
    )
