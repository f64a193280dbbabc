"""Layers that read text are cut off a model, which takes their numbers; they read the texts of the calibration."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export import pipeline
from export.model import signature
from export.model.loading import model_file
from export.model.subject import subject_of_file
from export.quantization import samples
from export.recipe import Recipe
from zoo.errors import UsageProblemError
from zoo.inputs import Tokens

WORDS = ["red", "green", "blue", "hot", "cold"]


def text_net(reader: Any) -> Any:
    """Return a network of a text and of numbers."""
    import keras
    from keras import layers

    text, price = keras.Input((1,), dtype="string", name="text"), keras.Input((2,), name="price")
    read = layers.Flatten()(layers.Embedding(7, 4)(reader(text)))
    return keras.Model([text, price], layers.Dense(3)(layers.Concatenate()([read, price])))


@pytest.fixture
def vectorized(tmp_path: Path) -> tuple[Any, Path]:
    import keras

    keras.utils.set_random_seed(0)
    model = text_net(keras.layers.TextVectorization(output_sequence_length=3, vocabulary=WORDS, name="reader"))
    model.save(tmp_path / "own.keras")
    return model, tmp_path / "own.keras"


def test_the_model_behind_the_text_has_the_same_outputs(vectorized: tuple[Any, Path]) -> None:
    import tensorflow as tf

    model, path = vectorized
    loaded = model_file.load(path)
    specs = signature.inputs(loaded.model)
    assert [(spec.name, spec.shape, spec.dtype) for spec in specs] == [
        ("text", (1, 3), "int32"),
        ("price", (1, 2), "float32"),
    ]
    words, price = tf.constant([["red blue"], ["cold hot what"]]), tf.ones((2, 2))
    numbers = np.asarray(model.get_layer("reader")(words), np.int32)
    np.testing.assert_allclose(loaded.model([tf.constant(numbers), price]), model([words, price]), rtol=1e-5)
    assert loaded.contracts == {"text": Tokens(vocabulary=7)}
    assert loaded.companions["text-vocabulary.txt"].decode().split("\n")[2:-1] == WORDS
    assert "the files begin behind the layer 'reader' (TextVectorization)" in loaded.notes[0]


def test_the_export_delivers_the_vocabulary_and_says_where_the_files_begin(
    vectorized: tuple[Any, Path], tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    arrays = {"text": random.integers(0, 7, (30, 3)).astype(np.int32), "price": random.random((30, 2), np.float32)}
    np.savez(tmp_path / "data.npz", **arrays)
    delivery = pipeline.run(Recipe(model=str(vectorized[1]), calibration=str(tmp_path / "data.npz"), out=tmp_path))
    assert delivery.passed
    assert delivery.folder is not None
    assert (delivery.folder / "text-vocabulary.txt").read_text().split()[-1] == "cold"
    assert "text-vocabulary.txt lists the words" in delivery.manifest["notes"][0]
    assert delivery.manifest["inputs"]["text"] == {"kind": "tokens", "vocabulary": 7}


def as_npz(folder: Path, texts: np.ndarray, prices: np.ndarray) -> str:
    np.savez(folder / "data.npz", text=texts, price=prices)
    return str(folder / "data.npz")


def as_flat_npz(folder: Path, texts: np.ndarray, prices: np.ndarray) -> str:
    return as_npz(folder, texts[:, 0], prices)


def as_csv(folder: Path, texts: np.ndarray, prices: np.ndarray) -> str:
    rows = [f"{text},{one},{other}" for (text,), (one, other) in zip(texts, prices.tolist(), strict=True)]
    (folder / "data.csv").write_text("\n".join(["text,price.0,price.1", *rows]))
    return str(folder / "data.csv")


Store = Callable[[Path, np.ndarray, np.ndarray], str]


def sentences(count: int = 30) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    texts = np.array([" ".join(random.choice([*WORDS, "what"], size)) for size in random.integers(1, 6, count)])
    return texts[:, None], random.random((count, 2)).astype(np.float32)


def drawn_tokens(path: Path, calibration: str, work: Path, function: Callable[[], Any] | None = None) -> np.ndarray:
    """Return the inputs `text` of all samples that an export draws."""
    subject = subject_of_file(path, None)
    recipe = Recipe(model=str(path), calibration=calibration, calibration_count=20, probe_count=10)
    found = samples.draw(subject, recipe, work, function)
    return np.concatenate([found.calibration.inputs["text"], found.probe.inputs["text"]])


def expected_tokens(model: Any, texts: np.ndarray) -> set[tuple[int, ...]]:
    return set(map(tuple, np.asarray(model.get_layer("reader")(texts)).tolist()))


@pytest.mark.parametrize("store", [as_npz, as_flat_npz, as_csv])
def test_calibration_by_texts_gives_the_numbers_that_the_model_reads(
    store: Store, vectorized: tuple[Any, Path], tmp_path: Path
) -> None:
    model, path = vectorized
    texts, prices = sentences()
    found = drawn_tokens(path, store(tmp_path, texts, prices), tmp_path)
    assert found.dtype == np.int32
    assert set(map(tuple, found.tolist())) <= expected_tokens(model, texts)
    assert len(set(map(tuple, found.tolist()))) > len(WORDS)


@pytest.mark.parametrize("size", [1, 10])
def test_a_function_may_yield_texts_one_by_one_or_in_batches(
    size: int, vectorized: tuple[Any, Path], tmp_path: Path
) -> None:
    model, path = vectorized
    texts, prices = sentences()

    def batches() -> Any:
        for start in range(0, len(texts), size):
            chosen = slice(start, start + size) if size > 1 else start
            yield {"text": texts[chosen].astype(object), "price": prices[chosen]}

    found = drawn_tokens(path, "", tmp_path, batches)
    assert len(found) == len(texts)
    assert set(map(tuple, found.tolist())) == expected_tokens(model, texts)


def test_texts_that_a_lookup_reads_are_looked_up(tmp_path: Path) -> None:
    import keras

    model = text_net(keras.layers.StringLookup(vocabulary=WORDS, name="reader"))
    model.save(tmp_path / "own.keras")
    texts, prices = np.array([[word] for word in [*WORDS, "what"] * 5]), sentences()[1]
    for store in (as_npz, as_csv):
        found = drawn_tokens(tmp_path / "own.keras", store(tmp_path, texts, prices), tmp_path)
        assert set(map(tuple, found.tolist())) == expected_tokens(model, texts)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (np.zeros((9, 1), np.float32), r"takes int32 \(N, 3\), tokens, numbers from 0 to 6, or texts \(N, 1\)"),
        (np.array(["red"] * 9, object), r"save texts as np.array\(texts, dtype=str\)"),
    ],
)
def test_data_that_are_neither_texts_nor_tokens_are_refused_with_what_the_model_takes(
    texts: np.ndarray, message: str, vectorized: tuple[Any, Path], tmp_path: Path
) -> None:
    np.savez(tmp_path / "data.npz", allow_pickle=True, text=texts, price=np.zeros((9, 2), np.float32))
    with pytest.raises(UsageProblemError, match=message):
        pipeline.run(Recipe(model=str(vectorized[1]), calibration=str(tmp_path / "data.npz"), out=tmp_path))


def test_text_that_two_layers_read_is_refused(tmp_path: Path) -> None:
    import keras
    from keras import layers

    text = keras.Input((1,), dtype="string", name="text")
    lookups = [layers.StringLookup(vocabulary=words) for words in (WORDS, WORDS[:2])]
    model = keras.Model(text, layers.Concatenate()([lookup(text) for lookup in lookups]))
    model.save(tmp_path / "own.keras")
    with pytest.raises(UsageProblemError, match="export the model behind the layers that read text"):
        model_file.load(tmp_path / "own.keras")
