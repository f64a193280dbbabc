"""An export draws any model that fits on a page, and never fails because it cannot draw one."""

from __future__ import annotations

import html
import sys
from typing import Any

import keras
import pytest
from keras import layers

from export.bundle.diagram.of_subject import MOST_BOXES, diagram


def drawn(model: keras.Model, title: str = "own") -> str:
    content = diagram(model, title)
    assert content is not None
    return html.unescape(content.decode())


def test_activations_that_are_layers_are_named() -> None:
    image = keras.Input((8, 8, 3))
    net = layers.Conv2D(4, 3, activation=layers.LeakyReLU())(image)
    model = keras.Model(image, layers.Dense(2, activation=layers.ReLU())(layers.Flatten()(net)))
    assert "Conv 3x3, 4, LeakyReLU" in drawn(model)
    assert "Dense 2, ReLU" in drawn(model)


@pytest.mark.parametrize("title", ["<b>", 'my "own" \\N net', "a & b"])
def test_names_are_drawn_as_they_are(title: str) -> None:
    vector = keras.Input((4,), name="x")
    assert f">{title}<" in drawn(keras.Model(vector, layers.Dense(2)(vector)), title).replace("\xa0", "").replace(
        "> ", ">"
    )


def test_nested_models_are_drawn_with_their_layers() -> None:
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.Dense(5)], name="inner")
    vector = keras.Input((4,))
    assert "Dense 5" in drawn(keras.Model(vector, inner(vector)))


def test_networks_that_fit_on_no_page_are_not_drawn() -> None:
    vector = keras.Input((4,))
    short = long = vector
    for number in range(MOST_BOXES + 1):
        long = layers.Dense(4 + number)(long)
        short = long if number == 10 else short
    assert diagram(keras.Model(vector, short), "short") is not None
    assert diagram(keras.Model(vector, long), "long") is None


def test_a_missing_graphviz_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    vector = keras.Input((4,))
    assert diagram(keras.Model(vector, layers.Dense(2)(vector)), "own") is None


def test_a_layer_that_cannot_be_drawn_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise AttributeError("no such attribute")

    monkeypatch.setattr("export.bundle.diagram.steps._word", fail)
    vector = keras.Input((4,))
    assert diagram(keras.Model(vector, layers.Dense(2)(vector)), "own") is None
