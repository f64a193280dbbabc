"""Which classes of the Keras model become which other classes in a file, and how near the two were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from calibration.samples import Array
from export.metrics import best_classes
from export.metrics.near_ties import NEAR_TIE, leads

MOST_PAIRS = 12
UNITS = {2: "samples", 4: "pixels"}  # Rank of an output -> what each row of scores belongs to.
OTHER_UNIT = "positions"


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A class of the Keras model that becomes another class in the file.

    Attributes:
        model: name of the model's class.
        file: name of the file's class.
        count: how often.
        near_ties: how often the model's probabilities of the two classes differ by at most `NEAR_TIE`.
        model_margin: the largest lead of the model's class in the model, as probability.
        file_margin: the largest lead of the file's class in the file, as probability.
    """

    model: str
    file: str
    count: int
    near_ties: int
    model_margin: float
    file_margin: float


def confusion(expected: Array, found: Array, labels: Sequence[str]) -> dict[str, Any]:
    """Return the pairs of different classes in two sets of class scores (N, ..., classes), the most frequent first."""
    unit = UNITS.get(expected.ndim, OTHER_UNIT)
    expected, found = (values.reshape(-1, values.shape[-1]) for values in (expected, found))
    best, predicted = expected.argmax(1), best_classes(expected, found)
    rows = np.flatnonzero(best != predicted)
    first, second = best[rows], predicted[rows]
    model_margins = leads(expected, best, predicted)[rows]
    file_margins = leads(found, predicted, best)[rows]
    pairs = []
    for one, other in np.unique(np.stack([first, second], axis=1), axis=0):
        here = (first == one) & (second == other)
        pairs.append(
            Pair(
                model=name_of(int(one), labels),
                file=name_of(int(other), labels),
                count=int(here.sum()),
                near_ties=int((model_margins[here] <= NEAR_TIE).sum()),
                model_margin=float(model_margins[here].max()),
                file_margin=float(file_margins[here].max()),
            )
        )
    pairs.sort(key=lambda pair: (-pair.count, -pair.model_margin, pair.model, pair.file))
    return {
        "unit": unit,
        "count": len(expected),
        "changed": len(rows),
        "near_ties": sum(pair.near_ties for pair in pairs),
        "pairs": [asdict(pair) for pair in pairs[:MOST_PAIRS]],
        "more_pairs": max(0, len(pairs) - MOST_PAIRS),
    }


def name_of(index: int, labels: Sequence[str]) -> str:
    """Return the name of a class; "class 7" without names."""
    return labels[index] if index < len(labels) else f"class {index}"
