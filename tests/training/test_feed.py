"""An epoch has every example once; order and augmentation depend only on the seed and the epoch number."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training.augmentation import Augmentation
from training.feed import Feed
from training.file_start import FileStart
from training.recipe import TrainingRecipe
from training.start import Start
from training.tasks.classification import CLASSIFICATION
from training.tasks.task import of_photos


@pytest.fixture
def start(lenet5_file: Path) -> Start:
    recipe = TrainingRecipe(model=str(lenet5_file), data="photos", out=Path("out.keras"))
    return FileStart(recipe).start({}, tuple(map(str, range(10))))


def feed(start: Start, seed: int, *, augmented: bool = False) -> Feed:
    photos = np.random.default_rng(0).integers(0, 256, (20, 32, 32, 1), np.uint8)
    examples = of_photos(photos, np.arange(20))
    augmentation = Augmentation(mirrored=True) if augmented else None
    return Feed(CLASSIFICATION, start, examples, batch=6, seed=seed, augmentation=augmentation)


def shown(feed: Feed, epoch: int) -> list[list[int]]:
    feed.begin(epoch)
    return [feed[index][1].tolist() for index in range(len(feed))]


def test_every_epoch_has_all_examples_once_in_a_different_order(start: Start) -> None:
    one = feed(start, 1)
    first, second = shown(one, 0), shown(one, 1)
    assert [len(batch) for batch in first] == [6, 6, 6, 2]
    assert all(sorted(np.concatenate(epoch)) == list(range(20)) for epoch in (first, second))
    assert first != second
    assert shown(feed(start, 1), 1) == second
    assert shown(feed(start, 2), 1) != second


def test_augmentation_differs_between_epochs_and_batches_and_depends_on_the_seed(start: Start) -> None:
    one, same = feed(start, 1, augmented=True), feed(start, 1, augmented=True)
    for epoch in (0, 1):
        same.begin(epoch)
        one.begin(epoch)
        assert np.array_equal(one[2][0], same[2][0])
    shift = [np.asarray(_of_one_photo(start, epoch)[index][0]) for epoch, index in ((0, 0), (1, 0), (0, 1))]
    assert not np.allclose(shift[0], shift[1])
    assert not np.allclose(shift[0], shift[2])


def _of_one_photo(start: Start, epoch: int) -> Feed:
    """Return a feed at this epoch, of twenty copies of one photo."""
    photos = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 1), np.uint8).repeat(20, 0)
    examples = of_photos(photos, np.zeros(20, np.int64))
    one = Feed(CLASSIFICATION, start, examples, batch=6, seed=1, augmentation=Augmentation(mirrored=True))
    one.begin(epoch)
    return one
