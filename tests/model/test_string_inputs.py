"""Layers that read text are cut off a model, which takes their numbers; they read the texts of the calibration."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from export import pipeline
from export.cli.main import main
from export.cli.tables.last_words import last_words
from export.model import signature
from export.model.loading import model_file, string_inputs
from export.model.subject import subject_of_file
from export.quantization import samples
from export.recipe import Recipe
from zoo.errors import UsageProblemError
from zoo.inputs import Tokens
from zoo.language.text_rule import TextRule

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
        (
            np.zeros((9, 1), np.float32),
            r"takes int32 \(N, 3\), tokens, .*, or texts \(N, 1\).*dtype=str",
        ),
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


def readers() -> dict[str, tuple[Any, int]]:
    """Return layers that read text, with the number of texts of a sample."""
    from keras import layers

    vectorization, lookup = layers.TextVectorization, layers.StringLookup
    odd = [*WORDS, "don't", "Big", "red green"]
    return {
        "default": (vectorization(output_sequence_length=5, vocabulary=odd), 1),
        "no standardization": (vectorization(output_sequence_length=5, vocabulary=odd, standardize=None), 1),
        "characters": (vectorization(output_sequence_length=9, vocabulary=list("adeor"), split="character"), 1),
        "pairs": (vectorization(output_sequence_length=5, vocabulary=odd, ngrams=2), 1),
        "whole text": (vectorization(output_sequence_length=1, vocabulary=odd, split=None), 1),
        "counts": (vectorization(output_mode="count", vocabulary=odd), 1),
        "tf-idf": (vectorization(output_mode="tf_idf", vocabulary=WORDS, idf_weights=np.arange(1.0, 6)), 1),
        "lookup": (lookup(vocabulary=odd, mask_token=""), 3),
        "lookup without unknown words": (lookup(vocabulary=odd, num_oov_indices=0), 1),
        "multi-hot": (lookup(vocabulary=odd, output_mode="multi_hot"), 3),
    }


TEXTS = ["red Blue, don't", " BIG\tred  green! ", "what é\u00a0x", "hot", ""]


@pytest.mark.parametrize("name", list(readers()))
def test_the_stated_rule_gives_the_numbers_of_the_layer(name: str) -> None:
    import keras

    layer, count = readers()[name]
    text = keras.Input((count,), dtype="string", name="text")
    numbers = keras.ops.cast(layer(text), "float32")
    cut = string_inputs.without_strings("own.keras", keras.Model(text, keras.layers.Dense(2)(numbers)))
    rule = TextRule.from_record(json.loads(json.dumps(cut.rules["text"].record())))
    assert rule.is_complete
    samples = [[TEXTS[(place + at) % len(TEXTS)] for at in range(count)] for place in range(len(TEXTS))]
    if rule.unknown is None:
        samples = [["red"], ["red green"], ["don't"]]
    words = cut.vocabularies["text-vocabulary.txt"].decode().split("\n")[:-1]
    expected = np.asarray(layer(np.array(samples, object)), np.float64)
    np.testing.assert_allclose(rule.numbers(samples, words), expected, rtol=1e-6)
    assert cut.model.inputs[0].shape[1:] == expected.shape[1:]


@keras.saving.register_keras_serializable(package="test_string_inputs")
def backwards(texts: Any) -> Any:
    import tensorflow as tf

    return tf.strings.reduce_join(tf.reverse(tf.strings.unicode_split(texts, "UTF-8"), axis=[-1]), axis=-1)


def test_code_and_hashes_are_stated_as_such() -> None:
    from keras import layers

    for layer in (
        layers.TextVectorization(output_sequence_length=3, vocabulary=WORDS, standardize=backwards),
        layers.StringLookup(vocabulary=WORDS, num_oov_indices=3),
        layers.Hashing(9),
    ):
        text = keras.Input((1,), dtype="string", name="text")
        model = keras.Model(text, layers.Dense(2)(keras.ops.cast(layer(text), "float32")))
        cut = string_inputs.without_strings("own.keras", model)
        assert not cut.rules["text"].is_complete
        assert "no rule states" in cut.notes[0]


def test_run_reads_texts_by_the_rule_in_the_manifest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    reader = keras.layers.TextVectorization(output_sequence_length=4, vocabulary=WORDS)
    text = keras.Input((1,), dtype="string", name="text")
    hidden = keras.layers.Flatten()(keras.layers.Embedding(7, 4)(reader(text)))
    model = keras.Model(text, keras.layers.Dense(3, activation="softmax")(hidden))
    model.save(tmp_path / "own.keras")
    np.savez(tmp_path / "data.npz", text=sentences(60)[0])
    delivery = pipeline.run(
        Recipe(model=str(tmp_path / "own.keras"), calibration=str(tmp_path / "data.npz"), out=tmp_path)
    )
    folder, typed = delivery.folder, ["Red BLUE, what", "cold"]
    found = {"manifest": delivery.manifest, "folder": str(folder), "replaced": ()}
    assert last_words(found)[-1] == f'next: zoo run {folder} "a text"'
    assert folder is not None
    expected = np.asarray(model(tf.constant([[one] for one in typed])))
    capsys.readouterr()
    assert main(["run", str(folder), *typed, "--out", str(tmp_path / "found.npz")]) == 0
    with np.load(tmp_path / "found.npz") as found:
        np.testing.assert_allclose(next(iter(found.values())), expected, atol=1e-5)
    np.savez(tmp_path / "texts.npz", text=np.array([[one] for one in typed]))
    assert main(["run", str(folder), str(tmp_path / "texts.npz"), "--out", str(tmp_path / "again.npz")]) == 0
    with np.load(tmp_path / "again.npz") as found:
        np.testing.assert_allclose(next(iter(found.values())), expected, atol=1e-5)
    capsys.readouterr()
    assert main(["run", str(folder), *typed]) == 0
    assert f"{100 * expected[0].max():.1f} %" in capsys.readouterr().out
    assert main(["verify", str(folder)]) == 0
    manifest = json.loads((folder / "manifest.json").read_text())
    for length in (10**9, 3):
        manifest["texts"]["text"]["length"] = length
        (folder / "manifest.json").write_text(json.dumps(manifest))
        assert main(["run", str(folder), *typed]) == 2
    manifest["texts"]["text"]["length"] = 4
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "text-vocabulary.txt").write_text("changed")
    assert main(["run", str(folder), *typed]) == 1
