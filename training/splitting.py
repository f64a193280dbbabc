"""Splits photos, sounds or texts into training and validation, by class; copies stay in one part."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from zoo.errors import UsageProblemError

Indices = NDArray[np.int64]


def split(
    labels: Sequence[int], keys: Sequence[bytes], share: float, seed: int, *, what: str = "photos"
) -> tuple[Indices, Indices]:
    """Return the indices of the training examples and of the validation examples, each sorted.

    About `share` of every class is used for validation: at least one example, but not all of them, if the class has two
    different ones. Examples with the same key stay together.

    Args:
        labels: class of each example.
        keys: digests of the examples; copies have the same digest.
        share: share of the examples used for validation, between 0 and 1.
        seed: random seed.
        what: what the examples are, for messages.

    Raises:
        UsageProblemError: no class has two different examples.
    """
    rng = np.random.default_rng(seed)
    groups: dict[int, dict[bytes, list[int]]] = defaultdict(dict)
    seen: dict[bytes, int] = {}
    for index, (label, key) in enumerate(zip(labels, keys, strict=True)):
        # Copies in different classes stay together, too: a validation example must not be trained on.
        groups[seen.setdefault(key, label)].setdefault(key, []).append(index)
    held_out: list[int] = []
    for label in sorted(groups):
        copies = list(groups[label].values())
        count = min(max(1, round(share * len(copies))), len(copies) - 1)
        held_out += [index for place in rng.permutation(len(copies))[:count] for index in copies[place]]
    if not held_out:
        raise UsageProblemError(f"no class has two different {what}, one for training and one for validation")
    validation = np.array(sorted(held_out), np.int64)
    return np.setdiff1d(np.arange(len(labels)), validation), validation


def check(classes: Sequence[str], words: Sequence[str], name: str, *, what: str = "photos") -> None:
    """Check that there are at least two classes, and two training examples of each.

    Args:
        classes: class names.
        words: class of each training example.
        name: name of the data, for messages.
        what: what the examples are, for messages.

    Raises:
        UsageProblemError: there are fewer.
    """
    counts = Counter(words)
    if len(classes) < 2:
        raise UsageProblemError(f"{name} has only one class, {classes[0]!r}; give at least two classes")
    scarce = next((word for word in classes if counts[word] < 2), None)
    if scarce is not None:
        raise UsageProblemError(
            f"{name} has {counts[scarce]} training {what} of {scarce!r}; give at least two of each class"
        )
