"""The diagram of a model that is exported, where it can be drawn."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from export.bundle.diagram.drawing import box_and_edge_counts, draw
from export.errors import PassRefusedError
from export.passes.fold import flat

if TYPE_CHECKING:
    import keras

# Graphviz takes minutes for a network that is not folded to few boxes, and no page shows so many.
MOST_LAYERS, MOST_BOXES, MOST_EDGES = 1500, 150, 300
# What a network of unusual layers, or an installation without Graphviz, raises.
NOT_DRAWN = (ArithmeticError, AttributeError, ImportError, LookupError, OSError, RecursionError, TypeError, ValueError)


def diagram(model: keras.Model, title: str) -> bytes | None:
    """Return the drawing of a model as SVG; None if it cannot be drawn, which is no reason to fail an export."""
    if len(model.layers) > MOST_LAYERS:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Graphviz tells of labels that are wider than their boxes.
        try:
            plain = flat(model)
            boxes, edges = box_and_edge_counts(plain)
            return draw(plain, title, "svg") if boxes <= MOST_BOXES and edges <= MOST_EDGES else None
        except (*NOT_DRAWN, PassRefusedError):
            return None
