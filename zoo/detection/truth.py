"""What a detector should have found."""

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
        crowds: (K,) whether a box holds many objects, drawn as one: what is found in there is neither right nor wrong.
    """

    boxes: Floats
    classes: NDArray[np.int64]
    crowds: NDArray[np.bool_]
