"""Batch-norm folding before each stage: the exported network is folded, too."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from export.errors import PassRefusedError
from export.passes.fold import fold
from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    from training.start import Start


def folded(start: Start) -> Start:
    """Return the network with its batch norms folded into the layers before them; `start` is not changed.

    Raises:
        UsageProblemError: Keras cannot copy the network.
    """
    try:
        model = fold(start.model)
    except PassRefusedError as error:
        raise UsageProblemError(f"{start.title} can be trained but not compressed: {error}") from error
    for layer in model.layers:
        layer.trainable = True  # layers that the user has frozen are compressed and trained, too
    return replace(start, model=model)
