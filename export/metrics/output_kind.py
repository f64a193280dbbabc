"""What the numbers of an output mean, which decides how two files are compared on it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import numpy as np

from calibration.samples import Array


class OutputKind(StrEnum):
    """The meaning of an output."""

    CLASSES = "classes"  # one score for each class along the last axis; the largest is the prediction
    DECISIONS = "decisions"  # probabilities of independent yes-or-no decisions; above one half is yes
    LABELS = "labels"  # integers or booleans, such as the index of a class
    EMBEDDINGS = "embeddings"  # a vector for each sample, whose direction is compared with those of others
    NEXT_TOKENS = "next tokens"  # one score for each token of a vocabulary along the last axis, for every position
    VALUES = "values"  # real numbers: regression, images, latent points


def by_shape(outputs: Mapping[str, Array]) -> dict[str, OutputKind]:
    """Return the kinds of outputs (N, ...) of which nothing but the arrays is known.

    Rows (N, C) of at least two floats are class scores, as those of classifiers are, unless another output has another
    rank: then the rows are latent points or embeddings, whose largest value means nothing.
    """
    are_rows = all(values.ndim == 2 for values in outputs.values())
    return {name: _kind(values, are_rows) for name, values in outputs.items()}


def _kind(values: Array, are_rows: bool) -> OutputKind:
    if not np.issubdtype(values.dtype, np.floating):
        return OutputKind.LABELS
    return OutputKind.CLASSES if are_rows and values.shape[1] > 1 else OutputKind.VALUES
