"""Splits photos into training and validation, by class; copies of a photo stay in one part."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from zoo.errors import UsageProblemError

Indices = NDArray[np.int64]


def split(labels: Sequence[int], keys: Sequence[bytes], share: float, seed: int) -> tuple[Indices, Indices]:
    """Return the indices of the training photos and of the validation photos, each sorted.

    About `share` of every class is used for validation: at least one photo, but not all of them, if the class has two
    different photos. Photos with the same key stay together.

    Args:
        labels: class of each photo.
        keys: digests of the photos; copies have the same digest.
        share: share of the photos used for validation, between 0 and 1.
        seed: random seed.

    Raises:
        UsageProblemError: no class has two different photos.
    """
    rng = np.random.default_rng(seed)
    groups: dict[int, dict[bytes, list[int]]] = defaultdict(dict)
    seen: dict[bytes, int] = {}
    for index, (label, key) in enumerate(zip(labels, keys, strict=True)):
        # Copies in different classes stay together, too: a validation photo must not be trained on.
        groups[seen.setdefault(key, label)].setdefault(key, []).append(index)
    held_out: list[int] = []
    for label in sorted(groups):
        copies = list(groups[label].values())
        count = min(max(1, round(share * len(copies))), len(copies) - 1)
        held_out += [index for place in rng.permutation(len(copies))[:count] for index in copies[place]]
    if not held_out:
        raise UsageProblemError("no class has two different photos, one for training and one for validation")
    validation = np.array(sorted(held_out), np.int64)
    return np.setdiff1d(np.arange(len(labels)), validation), validation
