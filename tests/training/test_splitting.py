"""What judges is kept back from every class, and no copy of it is learned from."""

from __future__ import annotations

import numpy as np
import pytest

from training.splitting import split


def keys(count: int) -> list[bytes]:
    return [str(index).encode() for index in range(count)]


@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.99])
def test_every_class_is_on_both_sides(share: float) -> None:
    labels = [0] * 2 + [1] * 10 + [2] * 100
    learned, judged = split(labels, keys(112), share, seed=3)
    assert sorted([*learned, *judged]) == list(range(112))
    for label in range(3):
        assert {label} <= {labels[index] for index in learned} & {labels[index] for index in judged}
    assert abs(sum(labels[index] == 2 for index in judged) - np.clip(100 * share, 1, 99)) < 1


def test_copies_stay_together_even_in_two_classes() -> None:
    labels = [index % 3 for index in range(60)]
    copied = keys(60)
    for index in range(0, 60, 6):
        copied[index + 1] = copied[index]  # of another class
        copied[index + 3] = copied[index]  # of its own
    learned, judged = split(labels, copied, 0.3, seed=0)
    assert not {copied[index] for index in learned} & {copied[index] for index in judged}
    assert sorted([*learned, *judged]) == list(range(60))


def test_the_seed_decides() -> None:
    labels = [0] * 50
    first, second, other = (split(labels, keys(50), 0.2, seed=seed)[1].tolist() for seed in (1, 1, 2))
    assert first == second != other
