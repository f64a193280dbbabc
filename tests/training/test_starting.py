"""A network that begins to learn has every trained weight that still fits, and knows which layers are new."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from tests.zoo.contents import quick
from training import phases
from training.recipe import TrainingRecipe
from training.starting import OfZoo, start
from zoo import class_names
from zoo.errors import UsageProblemError
from zoo.weights import load


def recipe(name: str, **changes: Any) -> TrainingRecipe:
    return TrainingRecipe(model=name, data="photos", out=Path("my.keras"), **changes)


CLASSIFIERS = sorted(
    {
        zoo.find(name).family: name
        for name in reversed(zoo.names())
        if zoo.find(name).task in ("classification", "segmentation", "detection")
    }.values()
)


@pytest.mark.parametrize("name", quick(CLASSIFIERS))
def test_all_but_the_head_is_trained(name: str) -> None:
    architecture = zoo.find(name)
    started = start(architecture, recipe(name, weights="tiny"), {"classes": 3})
    twin = architecture.build(**architecture.trained_as("tiny").options)
    load(twin, architecture, "tiny")
    known = {weight.path: weight.numpy() for weight in twin.weights}
    new = [weight for layer in started.model.layers if layer.name in started.new for weight in layer.weights]
    kept = [weight for layer in started.model.layers if layer.name not in started.new for weight in layer.weights]
    assert kept
    assert all(np.array_equal(weight.numpy(), known[weight.path]) for weight in kept)
    assert {weight.path for weight in new} | {weight.path for weight in kept} == known.keys()
    assert any(weight.shape != known[weight.path].shape for weight in new)
    assert sum(weight.numpy().size for weight in new) < 0.5 * started.model.count_params()


def test_classes_as_many_as_before_still_get_a_head_to_learn_first() -> None:
    started = start(zoo.find("mobilenet"), recipe("mobilenet", weights="tiny"), {"classes": 10})
    assert started.new == ("conv_preds",)


def test_random_weights_are_all_new_and_learn_at_once() -> None:
    started = start(zoo.find("lenet5"), recipe("lenet5", weights="random"), {"classes": 3})
    assert len(started.new) == 5
    (only,) = phases.plan(recipe("lenet5"), started)
    assert (only.name, only.epochs) == ("whole", 10)


def test_the_head_learns_alone_and_then_batch_norms_keep_what_they_saw() -> None:
    import keras

    started = start(zoo.find("mobilenet"), recipe("mobilenet", weights="tiny"), {"classes": 3})
    head, fine = phases.plan(recipe("mobilenet", epochs=9), started)
    assert (head.epochs, fine.epochs) == (3, 6)
    head.prepare(started)
    assert [weight.path for weight in started.model.trainable_weights] == ["conv_preds/kernel", "conv_preds/bias"]
    fine.prepare(started)
    norms = [layer for layer in started.model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert norms
    assert not any(norm.trainable for norm in norms)
    assert "conv1/kernel" in {weight.path for weight in started.model.trainable_weights} or len(
        started.model.trainable_weights
    ) > len(started.new)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"out": Path("my.h5")}, "type --out my.keras"),
        ({"validation": 1.0}, "between 0 and 1"),
        ({"head_epochs": 11}, "between 0 and the 10 epochs"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageProblemError, match=words):
        TrainingRecipe(**{"model": "lenet5", "data": "a", "out": Path("a.keras"), **changes})


def test_a_twin_takes_no_options() -> None:
    with pytest.raises(UsageProblemError, match="leave --set out"):
        start(zoo.find("mobilenet"), recipe("mobilenet", weights="tiny", options={"alpha": 0.5}), {"classes": 3})


def test_a_network_that_knows_the_classes_has_nothing_new_to_learn() -> None:
    beginning = OfZoo(recipe("mobilenet", weights="tiny"))
    assert beginning.start({"classes": 10}, class_names.read("fashion_mnist")).new == ()
    assert beginning.start({"classes": 10}, tuple("abcdefghij")).new == ("conv_preds",)
    assert beginning.start({"classes": 3}, ("a", "b", "c")).new == ("conv_preds",)
    drawn = OfZoo(recipe("mobilenet", weights="random")).start({"classes": 10}, class_names.read("fashion_mnist"))
    assert len(drawn.new) > 1
