"""What every stage begins with: batch norms folded into the layers before them, as they are exported."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from export.errors import PassRefusedError
from export.passes.fold import fold
from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    from training.starting import Start


def folded(start: Start) -> Start:
    """Return the network without batch norms where they can be folded; `start` stays as it is.

    Raises:
        UsageProblemError: Keras cannot copy it.
    """
    try:
        model = fold(start.model)
    except PassRefusedError as error:
        raise UsageProblemError(f"{start.title} can learn, but nothing can be taken away from it: {error}") from error
    for layer in model.layers:
        layer.trainable = True  # what its maker has frozen must learn to do without, too
    return replace(start, model=model)
