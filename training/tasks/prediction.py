"""Predictions of a network for all examples, in batches, and the inputs that it takes for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from export.model import signature
from training.tasks.task import PHOTOS

if TYPE_CHECKING:
    from training.start import Start
    from training.tasks.task import Examples

_BATCH = 64


def predictions(start: Start, examples: Examples, batch: int = _BATCH) -> Iterator[Any]:
    """Yield the outputs of the network for the examples, in their order, in batches of up to `batch`."""
    for begin in range(0, len(examples), batch):
        yield start.model.predict_on_batch(arguments(start, examples.take(slice(begin, begin + batch))))


def arguments(start: Start, examples: Examples) -> Any:
    """Return what the network takes: normalised photos, features of sounds, or tokens in the order of its inputs."""
    if PHOTOS in examples.inputs:
        return start.preprocessing.normalise(examples.photos)
    if len(examples.inputs) == 1:
        return next(iter(examples.inputs.values()))
    return tuple(examples.inputs[spec.name] for spec in signature.inputs(start.model))
