"""Made samples reach further than the real ones they are made from, and keep integers as they are."""

from __future__ import annotations

import numpy as np

from calibration.made_samples import evenly, made, patterns
from calibration.samples import Samples

COUNT = 48


def images() -> Samples:
    random = np.random.default_rng(0)
    inputs = {
        "image": random.uniform(0.2, 0.8, (20, 8, 8, 3)).astype(np.float32),
        "words": np.arange(20 * 5).reshape(20, 5),
    }
    return Samples(inputs=inputs, source="tests", seed=0)


def test_about_as_many_are_made_as_wanted() -> None:
    sets = list(made(images(), COUNT))
    assert COUNT // 2 <= sum(map(len, sets)) <= COUNT
    assert all(one.inputs["image"].dtype == np.float32 for one in sets)
    assert all(one.inputs["image"].shape[1:] == (8, 8, 3) for one in sets)


def test_they_reach_further_than_the_real_ones() -> None:
    values = np.concatenate([one.inputs["image"] for one in made(images(), COUNT)])
    assert values.max() > 5
    assert values.min() < -5


def test_integers_stay_those_of_real_samples() -> None:
    real = images()
    rows = {tuple(row) for row in real.inputs["words"]}
    assert all(tuple(row) in rows for one in made(real, COUNT) for row in one.inputs["words"])


def test_patterns_have_two_values_for_each_channel() -> None:
    real = images()
    values = patterns(real, 6).inputs["image"]
    assert len(values) == 6
    for channel in range(3):
        ends = real.inputs["image"][..., channel].min(), real.inputs["image"][..., channel].max()
        assert set(np.unique(values[..., channel])) <= set(ends)


def test_samples_of_integers_only_have_no_patterns() -> None:
    words = Samples(inputs={"words": np.arange(30).reshape(6, 5)}, source="tests", seed=0)
    assert len(patterns(words, 6)) == 0


def test_positions_are_different_and_evenly_spaced() -> None:
    assert evenly(10, 4).tolist() == [0, 3, 6, 9]
    assert evenly(2, 5).tolist() == [0, 1]
