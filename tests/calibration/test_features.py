"""Networks that read features are calibrated and proven on built-in ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import zoo
from calibration.inputs import InputSpec
from calibration.sources import features
from calibration.sources.drawing import draw
from zoo.errors import OutsideError, UsageProblemError
from zoo.inputs import Features, Input, Sound, from_record, record
from zoo.weights.patches import blank_weights

NETWORKS = [name for name in zoo.names() if any(isinstance(one, Features) for one in zoo.find(name).inputs().values())]
CONTRACT = Features(words="numbers", samples="keywords", low=-2.0, high=3.0)


def contract(name: str) -> Features:
    (found,) = zoo.find(name).inputs().values()
    assert isinstance(found, Features)
    return found


def test_the_built_in_keywords_are_what_the_front_end_of_their_network_gives() -> None:
    (one,) = zoo.find("mlperf_kws").inputs().values()
    assert isinstance(one, Sound)
    found = features.read(one.samples).astype(np.float64)
    assert found.shape[1:] == one.front_end.shape
    silence = one.front_end.of_samples(np.zeros(one.front_end.length))[..., 0]
    np.testing.assert_allclose(found[..., 0].min((0, 1))[0], silence[0, 0], atol=0.1)  # of sounds that end early


@pytest.mark.parametrize("name", NETWORKS)
def test_the_samples_of_a_network_have_its_shape_and_the_range_of_its_contract(name: str) -> None:
    with blank_weights():
        (tensor,) = zoo.find(name).build().inputs
    found, one = features.read(contract(name).samples).astype(np.float64), contract(name)
    assert found.shape[1:] == tuple(tensor.shape[1:])
    assert len(found) == len(np.unique(found.reshape(len(found), -1), axis=0)) >= 100
    spread = one.high - one.low
    assert one.low - 0.1 * spread <= found.min() < found.max() <= one.high + 0.1 * spread
    assert found.max() - found.min() > 0.8 * spread


def test_there_are_networks_of_features_and_each_file_is_of_one_of_them() -> None:
    every = [one for name in zoo.names() for one in zoo.find(name).inputs().values()]
    used = {one.samples for one in every if isinstance(one, Features | Sound)}
    assert used == {path.stem for path in features.FOLDER.glob("*.npz")} == set(features.SOURCES)
    assert len(used) == 3


def test_calibration_and_proof_get_different_samples_in_the_order_of_the_seed(tmp_path: Path) -> None:
    drawn = {seed: [one.inputs["mfcc"] for one in sets(tmp_path / str(seed), seed)] for seed in (0, 1)}
    for calibration, probe in drawn.values():
        assert (len(calibration), len(probe)) == (20, 10)
        rows = {row.tobytes() for row in (*calibration, *probe)}
        assert len(rows) == 30
    assert not np.array_equal(drawn[0][0], drawn[1][0])


def sets(work: Path, seed: int):
    inputs = {"mfcc": InputSpec(shape=(49, 10, 1))}
    contracts: dict[str, Input] = {"mfcc": CONTRACT}
    found = draw(None, inputs=inputs, contracts=contracts, calibration_count=20, probe_count=10, seed=seed, work=work)
    assert found.calibration.source == "words that espeak-ng spoke"
    return found.calibration, found.probe


def test_missing_samples_are_an_error_that_says_what_to_type(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(features, "FOLDER", tmp_path)
    with pytest.raises(OutsideError, match=r"keywords\.npz are missing: install zoo-export again.*--calibration"):
        features.read("keywords")


def test_the_contract_survives_its_record_and_makes_numbers_of_its_range() -> None:
    assert from_record(record({"mfcc": CONTRACT})) == {"mfcc": CONTRACT}
    made = CONTRACT.random(np.random.default_rng(0), (1000,), "float32")
    assert made.dtype == np.float32
    assert -2 <= made.min() < -1.9
    assert 2.9 < made.max() <= 3
    assert CONTRACT.parse("1, 2.5").tolist() == [1, 2.5]
    with pytest.raises(UsageProblemError):
        CONTRACT.parse("one")
