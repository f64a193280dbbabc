"""The kind of an output follows from the task, the loss and the last operation of the model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import pytest
from keras import layers

from export.metrics import OutputKind
from export.model import entries, signature
from export.model.loading import model_file
from export.model.output_kinds import output_kinds
from export.model.subject import load_subject
from export.recipe import Recipe

CLASSES, DECISIONS, VALUES, LABELS = OutputKind.CLASSES, OutputKind.DECISIONS, OutputKind.VALUES, OutputKind.LABELS


def rows(*stack: keras.Layer | Callable[[object], object], shape: tuple[int, ...] = (6,)) -> keras.Model:
    x = y = keras.Input(shape)
    for layer in stack:
        y = layer(y)
    return keras.Model(x, y)


def nested(last: keras.Layer) -> keras.Model:
    x = keras.Input((6,))
    return keras.Model(x, layers.Dropout(0.1)(keras.Sequential([keras.Input((6,)), last])(x)))


POOL = layers.GlobalAveragePooling1D
CASES = {
    "softmax": (rows(layers.Dense(3, activation="softmax")), "", "", CLASSES),
    "softmax layer": (rows(layers.Dense(3), layers.Softmax()), "", "", CLASSES),
    "softmax operation": (rows(layers.Dense(3), keras.ops.softmax), "", "", CLASSES),
    "softmax in a nested model": (nested(layers.Dense(3, activation="softmax")), "", "", CLASSES),
    "softmax of each step": (rows(layers.Dense(3, activation="softmax"), shape=(4, 6)), "", "", CLASSES),
    "logits of unknown use": (rows(layers.Dense(3)), "", "", CLASSES),
    "logits with their loss": (rows(layers.Dense(3)), "sparse_categorical_crossentropy", "", CLASSES),
    "logits of a classifier": (rows(layers.Conv1D(3, 1), POOL(), shape=(4, 6)), "", "classification", CLASSES),
    "regression of three values": (rows(layers.Dense(3)), "mean_squared_error", "", VALUES),
    "regression by a sigmoid": (rows(layers.Dense(3, activation="sigmoid")), "mse", "", VALUES),
    "one value": (rows(layers.Dense(1)), "", "", VALUES),
    "softmax of one value": (rows(layers.Dense(1, activation="softmax")), "", "", VALUES),
    "sigmoid": (rows(layers.Dense(1, activation="sigmoid")), "", "", DECISIONS),
    "sigmoid operation": (rows(layers.Dense(1), keras.ops.sigmoid), "binary_crossentropy", "", DECISIONS),
    "embedding": (rows(layers.Dense(8), layers.UnitNormalization()), "", "", VALUES),
    "pooled features": (rows(POOL(), shape=(4, 6)), "", "", VALUES),
    "recurrent state": (rows(layers.LSTM(5), shape=(4, 6)), "", "", VALUES),
    "index of the best": (rows(lambda x: keras.ops.argmax(x, axis=-1, keepdims=True)), "", "", LABELS),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_kind_follows_from_the_model(name: str) -> None:
    model, loss, task, expected = CASES[name]
    (output,) = [spec.name for spec in signature.outputs(model)]
    assert output_kinds(model, {output: loss} if loss else {}, task) == {output: expected}


def test_linear_rows_beside_other_outputs_are_values() -> None:
    x = keras.Input((6,))
    outputs = [layers.Dense(3, activation="softmax", name="kind")(x), layers.Dense(8, name="embedding")(x)]
    assert output_kinds(keras.Model(x, outputs), {}, "") == {"kind": CLASSES, "embedding": VALUES}


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("mse", {"a": "mse", "b": "mse"}),
        (["mse", "binary_crossentropy"], {"a": "mse", "b": "binary_crossentropy"}),
        ({"b": keras.losses.MeanSquaredError()}, {"b": "mean_squared_error"}),
        (None, {}),
    ],
)
def test_losses_are_read_from_the_file(loss: object, expected: dict[str, str], tmp_path: Path) -> None:
    x = keras.Input((6,))
    model = keras.Model(x, [layers.Dense(3, name="a")(x), layers.Dense(1, name="b")(x)])
    if loss is not None:
        model.compile(loss=loss)
    model.save(tmp_path / "own.keras")
    assert model_file.load(tmp_path / "own.keras").losses == expected


def test_every_output_of_a_file_has_a_kind(tmp_path: Path) -> None:
    model = rows(layers.Dense(3))
    model.compile(loss="mae")
    model.save(tmp_path / "own.keras")
    subject = load_subject(Recipe(model=str(tmp_path / "own.keras")))
    assert list(entries.output_kinds(subject).values()) == [VALUES]
