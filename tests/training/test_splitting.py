"""Splitting puts photos of every class into both parts, and copies of a photo into one."""

from __future__ import annotations

import numpy as np
import pytest

from training.splitting import split


def keys(count: int) -> list[bytes]:
    return [str(index).encode() for index in range(count)]


@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.99])
def test_every_class_is_in_both_parts(share: float) -> None:
    labels = [0] * 2 + [1] * 10 + [2] * 100
    train, validation = split(labels, keys(112), share, seed=3)
    assert sorted([*train, *validation]) == list(range(112))
    for label in range(3):
        assert {label} <= {labels[index] for index in train} & {labels[index] for index in validation}
    assert abs(sum(labels[index] == 2 for index in validation) - np.clip(100 * share, 1, 99)) < 1


def test_copies_in_one_or_two_classes_stay_together() -> None:
    labels = [index % 3 for index in range(60)]
    copied = keys(60)
    for index in range(0, 60, 6):
        copied[index + 1] = copied[index]  # a copy in another class
        copied[index + 3] = copied[index]  # a copy in the same class
    train, validation = split(labels, copied, 0.3, seed=0)
    assert not {copied[index] for index in train} & {copied[index] for index in validation}
    assert sorted([*train, *validation]) == list(range(60))


def test_the_split_depends_on_the_seed() -> None:
    labels = [0] * 50
    first, second, other = (split(labels, keys(50), 0.2, seed=seed)[1].tolist() for seed in (1, 1, 2))
    assert first == second != other
