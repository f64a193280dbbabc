"""Which photos are kept back to judge by: by class, and never a copy of one that is learned from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from zoo.errors import UsageProblemError

Indices = NDArray[np.int64]


def split(labels: Sequence[int], keys: Sequence[bytes], share: float, seed: int) -> tuple[Indices, Indices]:
    """Return the indices to learn from and those to judge by, each sorted.

    Of every class about `share` is kept back, at least one photo and never all. Photos with one key stay together.

    Args:
        labels: class of each photo.
        keys: digests of the photos: equal for those that are copies of each other.
        share: between 0 and 1.
        seed: the same one gives the same parts.

    Raises:
        UsageProblemError: no class has two different photos.
    """
    rng = np.random.default_rng(seed)
    groups: dict[int, dict[bytes, list[int]]] = defaultdict(dict)
    seen: dict[bytes, int] = {}
    for index, (label, key) in enumerate(zip(labels, keys, strict=True)):
        # A copy in another class stays with the first: it would be a judge that was learned from.
        groups[seen.setdefault(key, label)].setdefault(key, []).append(index)
    kept: list[int] = []
    for label in sorted(groups):
        copies = list(groups[label].values())
        count = min(max(1, round(share * len(copies))), len(copies) - 1)
        kept += [index for place in rng.permutation(len(copies))[:count] for index in copies[place]]
    if not kept:
        raise UsageProblemError("no class has two different photos; there is nothing to judge by that was not learned")
    judged = np.array(sorted(kept), np.int64)
    return np.setdiff1d(np.arange(len(labels)), judged), judged
