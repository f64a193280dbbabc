"""Weights in a file of the user's, and assignment of weights by name."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

import zoo
from zoo.errors import UsageProblemError
from zoo.weights import assign, load


@pytest.mark.parametrize("suffix", [".weights.h5", ".keras"])
def test_a_weights_file_of_the_user_is_loaded(model, arrays, suffix, tmp_path, holds):
    assign(model, arrays)
    path = tmp_path / f"mine{suffix}"
    model.save(path) if suffix == ".keras" else model.save_weights(path)
    again = zoo.find("lenet5").build()
    loaded = load(again, zoo.find("lenet5"), str(path))
    assert holds(again, arrays)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    # Without its folder: the manifest and the report travel, and the places of a machine are its owner's.
    assert (loaded.name, loaded.trained, loaded.sha256) == (path.name, True, digest)
    assert str(tmp_path) not in str(loaded)
    assert loaded.taken_as_trained


@pytest.mark.parametrize("suffix", [".weights.h5", ".keras"])
@pytest.mark.parametrize("other", [("lenet5", {"classes": 3}), ("resnet50", {}), ("mobilenet", {})])
def test_a_file_that_does_not_fit_is_a_usage_error(model, suffix, other, tmp_path):
    name, options = other
    path = tmp_path / f"other{suffix}"
    other_model = zoo.find(name).build(**zoo.find(name).tiny | options)
    other_model.save(path) if suffix == ".keras" else other_model.save_weights(path)
    with pytest.raises(UsageProblemError, match="does not fit lenet5"):
        load(model, zoo.find("lenet5"), str(path))


@pytest.mark.parametrize("suffix", [".weights.h5", ".keras"])
@pytest.mark.parametrize(
    ("name", "options", "reason"),
    [
        ("lenet5", {"classes": 3}, r"logits/kernel has shape \(84, 3\), the model wants \(84, 10\)"),
        ("mobilenet", {}, "layer c1 has 1 weights, the model wants 2"),
    ],
)
def test_the_weight_that_does_not_fit_is_named(model, name, options, reason, suffix, tmp_path):
    path = tmp_path / f"other{suffix}"
    other = zoo.find(name).build(**zoo.find(name).tiny | options)
    other.save(path) if suffix == ".keras" else other.save_weights(path)
    with pytest.raises(UsageProblemError, match=f"does not fit lenet5 as built: {reason}$"):
        load(model, zoo.find("lenet5"), str(path))


@pytest.mark.parametrize("name", ["resnet50", "mobilenet"])
def test_a_keras_2_file_is_loaded_by_name_whatever_its_order(name, tmp_path, write_keras_2, holds):
    architecture = zoo.find(name)
    stored, ours = (architecture.build(**architecture.tiny) for _ in range(2))
    load(stored, architecture, "random", seed=1)
    write_keras_2(tmp_path / "mine.h5", stored)
    assert load(ours, architecture, str(tmp_path / "mine.h5")).trained
    assert holds(ours, {weight.path: weight.numpy() for weight in stored.weights})


def test_a_file_with_nan_in_it_is_refused(model, arrays, tmp_path):
    arrays["c3/bias"][2] = np.nan
    assign(model, arrays)
    model.save_weights(tmp_path / "mine.weights.h5")
    with pytest.raises(UsageProblemError, match="NaN, for c3/bias"):
        load(model, zoo.find("lenet5"), str(tmp_path / "mine.weights.h5"))


@pytest.mark.parametrize("suffix", [".weights.h5", ".h5", ".keras"])
def test_a_file_of_garbage_is_a_usage_error(model, suffix, tmp_path):
    path = tmp_path / f"rubbish{suffix}"
    path.write_bytes(b"rubbish" * 100)
    with pytest.raises(UsageProblemError, match="does not fit lenet5"):
        load(model, zoo.find("lenet5"), str(path))


def test_a_file_that_is_not_there_and_an_unknown_word_are_refused(model, tmp_path):
    with pytest.raises(UsageProblemError, match="there is no weights file"):
        load(model, zoo.find("lenet5"), str(tmp_path / "none.keras"))
    with pytest.raises(UsageProblemError, match="did you mean 'fashion_mnist'"):
        load(model, zoo.find("lenet5"), "fashon_mnist")


def test_assign_requires_every_weight_and_changes_nothing_otherwise(model, arrays):
    before = [weight.numpy() for weight in model.weights]
    without = {name: array for name, array in arrays.items() if name != "c1/bias"}
    with pytest.raises(ValueError, match="c1/bias"):
        assign(model, without)
    with pytest.raises(ValueError, match="extra"):
        assign(model, arrays | {"extra": arrays["c1/bias"]})
    with pytest.raises(ValueError, match="logits/bias has shape"):
        assign(model, arrays | {"logits/bias": arrays["logits/bias"][1:]})
    assert all(np.array_equal(a, b.numpy()) for a, b in zip(before, model.weights, strict=True))
