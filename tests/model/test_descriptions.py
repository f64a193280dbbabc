"""The description of a model says no more than is known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import pytest
from keras import layers

from export.model.description import Scores, describe
from export.model.subject import Subject, load_subject
from export.recipe import Recipe
from zoo.inputs import Photo, TokenMask, Tokens, TokenSegments
from zoo.preprocessing import conventions
from zoo.weights import LoadedWeights

WEIGHTS = LoadedWeights(name="net.keras", trained=True, source="a file", sha256="ab" * 32)
BERT = {
    "model": {
        "type": "WordPiece",
        "continuing_subword_prefix": "##",
        "vocab": {"[UNK]": 0, "[SEP]": 1, "[CLS]": 2, "a": 4, "##b": 3},
    },
    "normalizer": {"type": "BertNormalizer", "lowercase": True},
    "pre_tokenizer": {"type": "BertPreTokenizer"},
}


def subject(*last: keras.Layer, task: str = "classification", labels: tuple[str, ...] = ("a", "b", "c")) -> Subject:
    image = keras.Input((4, 4, 3), name="image")
    x = layers.Conv2D(3, 1)(image) if task == "segmentation" else layers.Flatten()(image)
    for layer in last:
        x = layer(x)
    inputs = {"image": Photo(preprocessing=conventions.preprocessing("tf", (4, 4, 3)))}
    return Subject(
        name="net", title="Net", model=keras.Model(image, x), weights=WEIGHTS, inputs=inputs, labels=labels, task=task
    )


@pytest.mark.parametrize(
    ("last", "scores"),
    [
        ((layers.Dense(3),), Scores.SOFTMAX),
        ((layers.Dense(3, activation="softmax"),), Scores.PROBABILITIES),
        ((layers.Dense(3), layers.Softmax()), Scores.PROBABILITIES),
        ((layers.Dense(3, activation="sigmoid"),), Scores.PROBABILITIES),
        ((layers.Dense(3, activation="log_softmax"),), Scores.LOGARITHMS),
        ((layers.Dense(3, activation="relu"),), Scores.NONE),
    ],
)
def test_scores_of_classes_are_called_what_they_are(last: tuple[keras.Layer, ...], scores: Scores) -> None:
    (output,) = describe(subject(*last)).outputs.values()
    assert output.scores is scores
    assert output.has_labels


def test_masks_have_scores_for_each_pixel() -> None:
    (output,) = describe(subject(task="segmentation")).outputs.values()
    assert (output.scores, output.has_labels) == (Scores.SOFTMAX, True)
    assert "for each pixel" in output.text


@pytest.mark.parametrize("columns", [1, 2, 5])
def test_labels_of_another_number_of_classes_belong_to_no_output(columns: int) -> None:
    (output,) = describe(subject(layers.Dense(columns))).outputs.values()
    assert not output.has_labels


def test_outputs_of_other_tasks_have_no_scores() -> None:
    (output,) = describe(subject(layers.Dense(3), task="generation")).outputs.values()
    assert (output.scores, output.has_labels) == (Scores.NONE, False)


def test_random_weights_are_called_untrained(tmp_path: Path) -> None:
    found = describe(load_subject(Recipe(model="lenet5", weights="random", out=tmp_path)))
    assert "untrained" in found.text
    assert found.version == ""
    trained = describe(load_subject(Recipe(model="lenet5", out=tmp_path)))
    assert "untrained" not in trained.text
    assert len(trained.version) == 12
    assert trained.licence


def reads_text(tokenizer: dict[str, Any]) -> Subject:
    inputs = {"ids": Tokens(vocabulary=5, tokenizer="t.json"), "mask": TokenMask(), "segment_ids": TokenSegments()}
    given = [keras.Input((4,), dtype="int32", name=name) for name in inputs]
    model = keras.Model(given, layers.Flatten()(layers.Embedding(5, 2)(given[0])))
    found = subject(layers.Dense(3))
    files = {"t.json": json.dumps(tokenizer).encode()}
    return replace(found, model=model, inputs=inputs, companions=files, task="encoding", labels=())


def test_the_vocabulary_of_bert_is_in_the_order_of_its_numbers() -> None:
    assert describe(reads_text(BERT)).word_pieces == ("[UNK]", "[SEP]", "[CLS]", "##b", "a")


@pytest.mark.parametrize(
    "change",
    [
        {"normalizer": {"type": "BertNormalizer", "lowercase": False}},
        {"normalizer": None},
        {"pre_tokenizer": {"type": "Split"}},
        {"model": BERT["model"] | {"type": "WordLevel"}},
        {"model": BERT["model"] | {"vocab": {"[UNK]": 0, "[SEP]": 1, "[CLS]": 2, "a": 4}}},
        {"model": BERT["model"] | {"vocab": {"[UNK]": 0, "[SEP]": 1, "a": 2}}},
    ],
)
def test_the_vocabulary_of_another_tokenizer_is_left_out(change: dict[str, Any]) -> None:
    assert describe(reads_text(BERT | change)).word_pieces == ()
