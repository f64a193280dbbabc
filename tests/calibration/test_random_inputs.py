"""Random inputs of a model, generated once per sample for every source."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from calibration.inputs import InputSpec
from calibration.store import Draw
from zoo.inputs import Distribution, Photo, Random, TokenMask, TokenSegments
from zoo.preprocessing import Preprocessing


@pytest.fixture
def pull_both(
    pull: Callable[..., Draw], inputs: dict[str, InputSpec], preprocessing: Preprocessing
) -> Callable[..., Draw]:
    """Draw samples for a model with a photo and a noise input."""
    both = {**inputs, "noise": InputSpec(shape=(50,))}
    contracts = {"image": Photo(preprocessing=preprocessing), "noise": Random()}
    return lambda spec, **changes: pull(spec, inputs=both, contracts=contracts, **changes)


@pytest.mark.parametrize("distribution", get_args(Distribution))
def test_every_distribution_can_be_sampled(distribution: Distribution) -> None:
    made = Random(distribution=distribution).random(np.random.default_rng(0), (3, 4), "float32")
    assert (made.shape, made.dtype) == ((3, 4), np.float32)


@pytest.mark.parametrize("source", ["builtin", "folder", "random"])
def test_photos_come_with_standard_normal_noise(
    source: str, pull_both: Callable[..., Draw], make_photos: Callable[..., Path]
) -> None:
    spec = make_photos(30) if source == "folder" else None
    found = pull_both(spec, calibration_count=12, probe_count=12, random_calibration=source == "random")
    for samples in (found.calibration, found.probe):
        assert list(samples.inputs) == ["image", "noise"]
        noise = np.asarray(samples.inputs["noise"])
        assert noise.shape == (12, 50)
        assert noise.dtype == np.float32
        assert abs(noise.mean()) < 0.2
        assert abs(noise.std() - 1) < 0.1
    assert len({row.tobytes() for one in (found.calibration, found.probe) for row in one.inputs["noise"]}) == 24


def test_the_noise_depends_on_the_seed_and_does_not_affect_the_photos(
    pull: Callable[..., Draw], pull_both: Callable[..., Draw], tmp_path: Path
) -> None:
    alone = pull(None).probe
    one, same = (pull_both(None, work=tmp_path / name).probe for name in ("one", "same"))
    other = pull_both(None, seed=1, work=tmp_path / "other").probe
    assert np.array_equal(one.inputs["image"], alone.inputs["image"])
    assert np.array_equal(one.inputs["noise"], same.inputs["noise"])
    assert not np.array_equal(one.inputs["noise"], other.inputs["noise"])


def test_a_repeated_photo_is_one_sample_despite_different_noise(
    pull_both: Callable[..., Draw], make_photos: Callable[..., Path]
) -> None:
    folder = make_photos(3)
    for path in list(folder.iterdir()):
        (folder / f"again-{path.name}").write_bytes(path.read_bytes())
    found = pull_both(folder)
    sets = [{photo.tobytes() for photo in samples.photos} for samples in (found.calibration, found.probe)]
    assert not sets[0] & sets[1]


def test_an_npz_may_contain_the_noise(pull_both: Callable[..., Draw], tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (20, 16, 16, 3), np.uint8)
    np.savez(tmp_path / "images.npz", image=images)
    np.savez(tmp_path / "both.npz", image=images / np.float32(127.5) - 1, noise=np.zeros((20, 50), np.float32))
    assert np.asarray(pull_both(tmp_path / "images.npz").probe.inputs["noise"]).any()
    assert not np.asarray(pull_both(tmp_path / "both.npz").probe.inputs["noise"]).any()


def test_random_texts_are_padded() -> None:
    """Otherwise a file that ignores its mask would pass a proof on random texts."""
    generator = np.random.default_rng(0)
    masks = np.stack([TokenMask().random(generator, (8,), "int32") for _ in range(200)])
    assert masks.dtype == np.int32
    assert (np.diff(masks, axis=1) <= 0).all()
    assert set(masks.sum(axis=1)) == set(range(1, 9))
    assert not TokenSegments().random(generator, (8,), "int32").any()
