"""What a network that learns says of examples, some at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from training.starting import Start
    from training.tasks.task import Examples

_AT_ONCE = 64


def answered(start: Start, examples: Examples) -> Iterator[Any]:
    """Yield the answers to the examples in their order, 64 or fewer at a time."""
    for begin in range(0, len(examples), _AT_ONCE):
        photos = start.preprocessing.normalise(np.asarray(examples.photos[begin : begin + _AT_ONCE]))
        yield start.model.predict_on_batch(photos)
