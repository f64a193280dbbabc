"""`zoo train` on texts with classes: from a CSV to a .keras file that is exported without options."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from export.cli.main import main
from export.cli.option_words import int8_of
from export.model.subject import subject_of_file
from export.pipeline import run
from export.recipe import Recipe
from export.scheme import INT8_DYNAMIC
from tests.language.small_texts import registered, word_pieces
from tests.training.conftest import silent
from training import tasks
from training.file_start import FileStart
from training.pipeline import evaluate, train
from training.recipe import Compression, TrainingRecipe
from training.results import Trained
from training.start import ZooStart
from zoo import own_file
from zoo.errors import UsageProblemError
from zoo.language.tokenizer import FILE

CATS, DOGS = ("the cat", "a cat", "big cat", "red cats"), ("the dog", "a dog", "big dog", "red dogs")
ENDS = ("sat", "ran", "sat on a mat", "ran on the road", "sat on the red mat", "ran on a big road", "sat on a road")


@pytest.fixture(scope="module", autouse=True)
def architecture() -> Iterator[None]:
    with registered():
        yield


def table(folder: Path, rows: list[tuple[str, str]], name: str = "pets.csv") -> Path:
    path = folder / name
    path.write_text("text,class\n" + "".join(f"{text},{word}\n" for text, word in rows))
    return path


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """56 texts about cats and dogs."""
    rows = [
        (f"{pet} {end}", word)
        for pet, word in [*((p, "cat") for p in CATS), *((p, "dog") for p in DOGS)]
        for end in ENDS
    ]
    return table(tmp_path_factory.mktemp("texts"), rows)


def recipe(data: Path, out: Path, **changes: Any) -> TrainingRecipe:
    options = {"model": "small_texts", "data": str(data), "out": out, "epochs": 8, "batch": 8, "learning_rate": 3e-3}
    return TrainingRecipe(**{**options, **changes})


@pytest.fixture(scope="module")
def trained(architecture: None, pets: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A small network that tells cats from dogs; tests must not change its file."""
    return train(recipe(pets, tmp_path_factory.mktemp("trained") / "pets.keras"), silent)


def stored(path: Path) -> list[np.ndarray]:
    return subject_of_file(path, None).model.get_weights()


def test_the_network_learns_the_classes(trained: Trained) -> None:
    assert trained.classes == ("cat", "dog")
    assert trained.counts == {"train": 44, "validation": 12}
    assert trained.scores["validation"]["top1"] == 1
    assert trained.pictures == ("curve.png", "confusion.png")
    assert all((trained.folder / name).is_file() for name in trained.pictures)
    assert [row["phase"] for row in trained.rows] == ["whole"] * 8


def test_the_file_keeps_its_tokenizer_classes_and_inputs(trained: Trained) -> None:
    subject = subject_of_file(trained.file, None)
    assert (subject.task, subject.labels) == ("text classification", ("cat", "dog"))
    assert subject.companions == {FILE: word_pieces()}
    assert {name: one.kind for name, one in subject.inputs.items()} == {
        "ids": "tokens",
        "mask": "token mask",
        "segment_ids": "token segments",
    }
    assert subject.title == "Small texts, trained on pets.csv, 56 texts of 2 classes"
    assert int8_of(str(trained.file)) == INT8_DYNAMIC


def test_the_file_is_exported_evaluated_and_run_without_options(
    trained: Trained, pets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = {"calibration": str(pets), "evaluate": str(pets), "calibration_count": 20, "probe_count": 16}
    made = run(Recipe(model=str(trained.file), schemes=(INT8_DYNAMIC,), out=tmp_path, **options))
    assert made.passed
    assert made.folder is not None
    manifest = made.manifest
    assert manifest["probe"]["source"] == "pets.csv"
    assert manifest["evaluation"]["samples"]["count"] == 36  # 20 of 56 texts calibrated
    assert manifest["evaluation"]["scores"]["top1"] == 1
    assert {file["comparisons"]["logits"]["kind"] for file in manifest["files"]} == {"classes"}
    assert [file["scores"]["top1"] for file in manifest["files"]] == [1, 1]
    assert (made.folder / FILE).read_bytes() == word_pieces()
    assert (made.folder / "labels.txt").read_text().split() == ["cat", "dog"]
    for name in (f"pets-int8_dynamic.{suffix}" for suffix in ("tflite", "onnx")):
        capsys.readouterr()
        assert main(["run", str(made.folder), "a red dog sat", "The big cats ran", "--file", name, "--json"]) == 0
        answers = json.loads(capsys.readouterr().out)["answers"]
        assert [one["text"] for one in answers] == ["a red dog sat", "The big cats ran"]
        assert [one["guesses"][0]["name"] for one in answers] == ["dog", "cat"]
    assert main(["verify", str(made.folder)]) == 0


def test_copies_of_a_text_are_never_on_both_sides(tmp_path: Path) -> None:
    # The tokenizer knows no capitals: these are four texts, each written three times.
    rows = [(text, word) for text, word in (("the cat", "a"), ("the mat", "a"), ("big dog", "b"), ("red road", "b"))]
    copies = [(change(text), word) for text, word in rows for change in (str.upper, str.lower, str.title)]
    data = tasks.find("text classification", "").find(recipe(table(tmp_path, copies), tmp_path / "a.keras"))
    start = ZooStart(recipe(Path(), tmp_path / "a.keras")).start({"classes": 2}, data.classes)
    parts = data.examples(start, tmp_path)
    train_rows, validation_rows = (
        {(row.tobytes(), label) for row, label in zip(part.inputs["ids"], part.annotations, strict=True)}
        for part in (parts.train, parts.validation)
    )
    assert (len(parts.train), len(parts.validation)) == (6, 6)
    assert not train_rows & validation_rows
    assert {label for _, label in validation_rows} == {0, 1}


def test_texts_that_are_cut_off_are_counted(tmp_path: Path) -> None:
    rows = [("the cat " * 6, "a"), ("the dog " * 5, "a"), ("a cat", "b"), ("a mat", "b")]
    data = tasks.find("text classification", "").find(recipe(table(tmp_path, rows), tmp_path / "a.keras"))
    start = ZooStart(recipe(Path(), tmp_path / "a.keras")).start({"classes": 2}, data.classes)
    (warning,) = data.examples(start, tmp_path).warnings
    assert warning.startswith("1 of 4 texts are longer than 12 tokens")


def test_a_new_head_is_trained_first_and_the_rest_keeps_its_weights(trained: Trained, tmp_path: Path) -> None:
    other = table(tmp_path, [(f"{end} {word}", word) for end in ENDS for word in ("mat", "road", "cat")])
    again = recipe(other, tmp_path / "again.keras", model=str(trained.file), epochs=3, learning_rate=None)
    before = subject_of_file(trained.file, None).model
    start = FileStart(again).start({"classes": 3}, ("cat", "mat", "road"))
    assert start.new == ("logits",)
    kept = {weight.path: weight.numpy() for weight in before.weights if not weight.path.startswith("logits")}
    assert len(kept) > 10
    assert all(np.array_equal(weight, kept[weight.path]) for weight in start.model.weights if weight.path in kept)
    done = train(again, silent)
    assert [row["phase"] for row in done.rows] == ["head", "fine", "fine"]
    assert subject_of_file(done.file, None).companions == {FILE: word_pieces()}
    assert evaluate(replace(again, model=str(done.file), out=tmp_path / "b.keras"), silent).scores.keys() == {
        "train",
        "validation",
    }


def test_weights_of_the_network_without_classes_fit_all_layers_but_the_head(tmp_path: Path) -> None:
    model, file = zoo.find("small_texts").build(), tmp_path / "small.weights.h5"
    model.save_weights(file)
    start = ZooStart(recipe(Path(), tmp_path / "a.keras", weights=str(file))).start({"classes": 2}, ("a", "b"))
    assert (start.new, start.task, start.weights.trained) == (("logits",), "text classification", True)
    known = {weight.path: weight.numpy() for weight in model.weights}
    same = [np.array_equal(weight, known[weight.path]) for weight in start.model.weights if weight.path in known]
    assert len(same) == len(known)
    assert all(same)


def test_a_stopped_and_resumed_run_gives_the_same_weights(trained: Trained, pets: Path, tmp_path: Path) -> None:
    class StopError(Exception):
        pass

    def stop(what: str, *_progress: object) -> None:
        if "epoch 3" in what:
            raise StopError

    with pytest.raises(StopError):
        train(recipe(pets, tmp_path / "part.keras"), stop)
    part = train(recipe(pets, tmp_path / "part.keras"), silent, resume=True)
    assert [row["loss"] for row in part.rows] == [row["loss"] for row in trained.rows]
    assert all(np.array_equal(*pair) for pair in zip(stored(part.file), stored(trained.file), strict=True))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"inputs": {"ids": {"kind": "tokens", "vocabulary": 16, "tokenizer": "../tokenizer.json"}}}, "not called"),
        ({"inputs": {"ids": {"kind": "tokens", "vocabulary": 16, "tokenizer": 7}}}, "makes no sense"),
        ({"inputs": {"tokens": {"kind": "tokens", "vocabulary": 16, "tokenizer": FILE}}}, "do not fit the model"),
        ({"labels": ["cat", "dog", "bird"]}, "do not fit the model"),
        ({"task": "classification"}, "do not fit the model"),
        ({"title": [[[]]]}, "makes no sense"),
    ],
)
def test_facts_that_do_not_fit_the_network_are_refused(
    change: dict[str, Any], words: str, trained: Trained, tmp_path: Path
) -> None:
    with pytest.raises(UsageProblemError, match=words):
        subject_of_file(changed(trained.file, tmp_path, change), None)


@pytest.mark.parametrize(
    ("tokenizer", "words"),
    [
        (None, "makes no sense"),
        (b"{}", "not a file of the tokenizers library"),
        (word_pieces().replace(b'"big":14', b'"big":99'), "tokens beyond its vocabulary"),
    ],
)
def test_a_damaged_tokenizer_is_refused(tokenizer: bytes | None, words: str, trained: Trained, tmp_path: Path) -> None:
    with pytest.raises(UsageProblemError, match=words):
        subject_of_file(changed(trained.file, tmp_path, {}, tokenizer), None)


def changed(file: Path, folder: Path, change: dict[str, Any], tokenizer: bytes | None = word_pieces()) -> Path:
    """Return a copy of a .keras file with changed facts and another tokenizer."""
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    assert members.pop(f"zoo/{FILE}") == word_pieces()
    members["zoo.json"] = json.dumps(json.loads(members["zoo.json"]) | change).encode()
    members |= {f"zoo/{FILE}": tokenizer} if tokenizer is not None else {}
    path = folder / "bad.keras"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_a_file_of_photos_has_no_tokenizer(lenet5_file: Path) -> None:
    facts = own_file.read(lenet5_file)
    assert facts is not None
    assert facts.companions == {}


@pytest.mark.parametrize(
    ("data", "changes", "words"),
    [
        ("", {}, "is a folder; bert_tiny reads text: give a CSV"),
        ("absent.csv", {}, "does not exist; bert_tiny reads text: give a CSV"),
        ("one.csv", {}, "has only one class, 'a'"),
        ("rare.csv", {}, "has 1 training texts of 'b'; give at least two of each class"),
        ("same.csv", {}, "no class has two different texts"),
        ("empty.csv", {}, "line 2: the text is empty"),
        ("photos.csv", {}, "needs the columns text and class"),
        ("good.csv", {"augment": False}, "texts are not augmented; leave out --no-augment"),
        ("good.csv", {"compression": Compression(qat=True)}, "reads text, for which --prune, .* do not exist"),
        ("good.csv", {"preprocessing": "unit"}, "--preprocessing is for model files"),
        ("good.csv", {"options": {"head": "hidden"}}, "leave out --set head"),
        ("good.csv", {"options": {"length": 7}}, "has no length 7"),
        ("good.csv", {"model": "lenet5"}, "holds texts, but lenet5 takes photos"),
        ("good.csv", {"model": "transformer"}, "is for translation; only networks for classification"),
    ],
)
def test_unsuitable_data_and_options_are_refused(
    data: str, changes: dict[str, Any], words: str, tmp_path: Path
) -> None:
    table(tmp_path, [("x", "a"), ("y", "a")], "one.csv")
    table(tmp_path, [("x", "a"), ("y", "a"), ("z", "b")], "rare.csv")
    table(tmp_path, [("the cat", "a"), ("The cat", "a"), ("a dog", "b"), ("A dog", "b")], "same.csv")
    table(tmp_path, [("", "a"), ("y", "b")], "empty.csv")
    table(tmp_path, [("x", "a"), ("y", "a"), ("z", "b"), ("w", "b")], "good.csv")
    (tmp_path / "photos.csv").write_text("file,class\na.jpg,a\n")
    model = {"model": "small_texts"} if data == "same.csv" else {"model": "bert_tiny"}
    with pytest.raises(UsageProblemError, match=words):
        train(recipe(tmp_path / data, tmp_path / "out.keras", **model | changes), silent)
    assert not (tmp_path / "out.keras").exists()
    assert not (tmp_path / "out.training").exists()


def test_a_network_of_tokens_that_nobody_described_is_refused(tmp_path: Path) -> None:
    import keras

    tokens = keras.Input((8,), dtype="int32")
    x = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(10, 4)(tokens))
    keras.Model(tokens, keras.layers.Dense(2)(x)).save(tmp_path / "mine.keras")
    with pytest.raises(UsageProblemError, match="takes no photo, and it was not trained here; to learn from texts"):
        train(recipe(table(tmp_path, [("x", "a")]), tmp_path / "out.keras", model=str(tmp_path / "mine.keras")), silent)


def test_the_command_refuses_photos_for_a_network_of_texts_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "bert_tiny", "--data", str(tmp_path), "--out", str(tmp_path / "out.keras")]) == 2
    assert "is a folder; bert_tiny reads text" in " ".join(capsys.readouterr().err.split())


def test_a_vocabulary_beyond_the_table_of_the_network_is_refused(trained: Trained, tmp_path: Path) -> None:
    """Random tokens of it would be rows that the network does not have."""
    with zipfile.ZipFile(trained.file) as archive:
        inputs = json.loads(archive.read("zoo.json"))["inputs"]
    inputs["ids"]["vocabulary"] = 1_000_000
    with pytest.raises(UsageProblemError, match="do not fit the model"):
        subject_of_file(changed(trained.file, tmp_path, {"inputs": inputs}), None)


def test_facts_that_are_nested_too_deeply_are_refused(trained: Trained, tmp_path: Path) -> None:
    path = changed(trained.file, tmp_path, {})
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()} | {"zoo.json": b"[" * 500_000}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(UsageProblemError, match="makes no sense"):
        subject_of_file(path, None)
