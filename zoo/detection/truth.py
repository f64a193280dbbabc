"""The true objects in a photo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo.detection.boxes import Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Truth:
    """The objects in one photo.

    Attributes:
        boxes: (K, 4) left, top, right, bottom, as shares of the photo's width and height.
        classes: (K,) indices.
        crowds: (K,) whether a box contains a crowd of objects, annotated as one: detections in it do not count.
    """

    boxes: Floats
    classes: NDArray[np.int64]
    crowds: NDArray[np.bool_]
