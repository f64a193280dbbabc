"""Training from a network of the zoo keeps every pretrained weight that fits, and knows which layers are new."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from tests.zoo.contents import quick
from training import phases
from training.recipe import TrainingRecipe
from training.start import ZooStart, build_start
from zoo import class_names
from zoo.errors import UsageProblemError
from zoo.weights import load


def recipe(name: str, **changes: Any) -> TrainingRecipe:
    return TrainingRecipe(model=name, data="photos", out=Path("my.keras"), **changes)


TASKS = ("classification", "segmentation", "detection")
FOUND = [zoo.find(name) for name in reversed(zoo.names())]
WITH_TINY = [one for one in FOUND if one.task in TASKS and any(weights.tag == "tiny" for weights in one.weights)]
CLASSIFIERS = sorted({one.family: one.name for one in WITH_TINY}.values())


@pytest.mark.parametrize("name", quick(CLASSIFIERS))
def test_all_layers_but_the_head_are_pretrained(name: str) -> None:
    architecture = zoo.find(name)
    started = build_start(architecture, recipe(name, weights="tiny"), {"classes": 3})
    tiny = architecture.build(**architecture.trained_as("tiny").options)
    load(tiny, architecture, "tiny")
    known = {weight.path: weight.numpy() for weight in tiny.weights}
    new = [weight for layer in started.model.layers if layer.name in started.new for weight in layer.weights]
    kept = [weight for layer in started.model.layers if layer.name not in started.new for weight in layer.weights]
    assert kept
    assert all(np.array_equal(weight.numpy(), known[weight.path]) for weight in kept)
    assert {weight.path for weight in new} | {weight.path for weight in kept} == known.keys()
    assert any(weight.shape != known[weight.path].shape for weight in new)
    assert sum(weight.numpy().size for weight in new) < 0.5 * started.model.count_params()


def test_the_head_is_new_for_other_classes_of_the_same_number() -> None:
    started = build_start(zoo.find("mobilenet"), recipe("mobilenet", weights="tiny"), {"classes": 10})
    assert started.new == ("conv_preds",)


def test_all_layers_with_random_weights_train_from_the_start() -> None:
    started = build_start(zoo.find("lenet5"), recipe("lenet5", weights="random"), {"classes": 3})
    assert len(started.new) == 5
    (only,) = phases.plan(recipe("lenet5"), started)
    assert (only.name, only.epochs) == ("whole", 10)


def test_the_head_trains_first_and_batch_norms_stay_frozen() -> None:
    import keras

    started = build_start(zoo.find("mobilenet"), recipe("mobilenet", weights="tiny"), {"classes": 3})
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
        ({"out": Path("my.h5")}, "use --out my.keras"),
        ({"validation": 1.0}, "between 0 and 1"),
        ({"head_epochs": 11}, r"between 0 and --epochs \(10\)"),
    ],
)
def test_invalid_recipes_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageProblemError, match=words):
        TrainingRecipe(**{"model": "lenet5", "data": "a", "out": Path("a.keras"), **changes})


def test_tiny_weights_allow_no_options() -> None:
    with pytest.raises(UsageProblemError, match="leave out --set"):
        build_start(zoo.find("mobilenet"), recipe("mobilenet", weights="tiny", options={"alpha": 0.5}), {"classes": 3})


def test_no_layer_is_new_for_the_classes_of_the_weights() -> None:
    pretrained = ZooStart(recipe("mobilenet", weights="tiny"))
    assert pretrained.start({"classes": 10}, class_names.read("fashion_mnist")).new == ()
    assert pretrained.start({"classes": 10}, tuple("abcdefghij")).new == ("conv_preds",)
    assert pretrained.start({"classes": 3}, ("a", "b", "c")).new == ("conv_preds",)
