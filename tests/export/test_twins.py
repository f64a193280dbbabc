"""`--weights tiny` means the small build that these weights are of, with its own input and names of classes."""

from __future__ import annotations

import pytest

import zoo
from export import models
from export.recipe import Precision, Recipe
from zoo.errors import UsageProblemError

NAMES = [name for name in zoo.names() if zoo.find(name).trained_as("tiny")]


def recipe(name: str, **options: float) -> Recipe:
    return Recipe(model=name, weights="tiny", options=options, precisions=(Precision.INT8,))


@pytest.mark.parametrize("name", NAMES)
def test_the_twin_is_built_as_it_was_trained(name: str) -> None:
    subject = models.load(recipe(name))
    assert subject.name == f"{name}-tiny"
    assert subject.weights.trained
    classes = subject.detection.classes if subject.detection else subject.model.output_shape[-1]
    assert classes == len(subject.labels)
    assert subject.preprocessing is not None
    assert subject.model.input_shape[1:] == subject.preprocessing.shape
    assert {"Bag", "bag"} & set(subject.labels)


def test_a_twin_takes_no_options() -> None:
    with pytest.raises(UsageProblemError, match="leave --set out"):
        models.load(recipe("mobilenet", alpha=0.5))


def test_without_a_name_the_weights_are_those_of_the_whole_network() -> None:
    for name in NAMES:
        default = zoo.find(name).trained_as(None)
        assert default is None or not default.options
