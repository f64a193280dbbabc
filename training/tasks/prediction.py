"""Predictions of a network for all examples, in batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from training.start import Start
    from training.tasks.task import Examples

_BATCH = 64


def predictions(start: Start, examples: Examples) -> Iterator[Any]:
    """Yield the outputs of the network for the examples, in their order, in batches of up to 64."""
    for begin in range(0, len(examples), _BATCH):
        photos = start.preprocessing.normalise(np.asarray(examples.photos[begin : begin + _BATCH]))
        yield start.model.predict_on_batch(photos)
