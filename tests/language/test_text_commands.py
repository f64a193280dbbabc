"""The commands that take texts: export, run and verify a network that embeds them; evaluate on texts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from export.analysis.tasks.embedding.labelled import RatedPairs, read_pairs
from export.cli.main import main
from export.cli.option_words import int8_of
from export.pipeline import Delivery, run
from export.recipe import Recipe
from export.runtime.sampling import Sampling, draw
from export.scheme import INT4, INT8, INT8_DYNAMIC
from tests.language.small_texts import SIZES, registered, word_pieces
from zoo.errors import UsageProblemError
from zoo.inputs import text
from zoo.language.tokenizer import FILE


@pytest.fixture(scope="module")
def architecture() -> Iterator[None]:
    with registered():
        yield


@pytest.fixture(scope="module")
def delivery(architecture: None, tmp_path_factory: pytest.TempPathFactory) -> Delivery:
    return run(Recipe(model="small_texts", schemes=(INT8_DYNAMIC,), out=tmp_path_factory.mktemp("out")))


def test_both_files_are_made_and_their_tokenizer_travels_along(delivery: Delivery) -> None:
    assert delivery.folder is not None
    assert (delivery.folder / FILE).read_bytes() == word_pieces()
    made = [one for one in delivery.artifacts if one.scheme == INT8_DYNAMIC]
    assert [one.failures for one in made] == [(), ()]
    assert {one.comparisons["embedding"].kind for one in made} == {"embeddings"}


@pytest.mark.parametrize("kind", ["tflite", "onnx"])
def test_texts_are_compared_with_each_other(
    kind: str, delivery: Delivery, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder, name = str(delivery.folder), f"small_texts-int8_dynamic.{kind}"
    listed = tmp_path / "more.txt"
    listed.write_text("a dog ran\n\nThe cat sat\n")
    assert main(["run", folder, "the cat sat", str(listed), "--file", name, "--json"]) == 0
    answers = json.loads(capsys.readouterr().out)["answers"]
    assert [one["text"] for one in answers] == ["the cat sat", "a dog ran", "The cat sat"]
    # The tokenizer knows no capitals, so that the first and the last text are the same.
    assert answers[0]["nearest"][0]["text"] == "The cat sat"
    assert answers[0]["nearest"][0]["cosine"] == pytest.approx(1, abs=1e-5)
    assert np.linalg.norm(answers[0]["embedding"]) == pytest.approx(1, abs=1e-3)


def test_an_empty_text_is_refused(delivery: Delivery, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(delivery.folder), " "]) == 2
    assert "a text is empty; type some words" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--max-tokens", "--temperature", "--top-p", "--seed"])
def test_options_of_decoders_are_refused(option: str, delivery: Delivery, capsys: pytest.CaptureFixture[str]) -> None:
    # Also a value that equals the default: what is typed must have an effect.
    default = {"--max-tokens": "100", "--temperature": "0"}.get(option, "1")
    assert main(["run", str(delivery.folder), "the cat", option, default]) == 2
    assert f"small_texts does not write a text; leave out {option}" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["missing.txt", "photo.jpg", "pairs.csv"])
def test_the_name_of_a_file_is_no_text(name: str, delivery: Delivery, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(delivery.folder), name]) == 2
    assert name in capsys.readouterr().err


def test_a_text_may_end_like_a_file_and_be_long(delivery: Delivery, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(delivery.folder), "the cat sat on the.txt", "a" * 12_000 + ".txt", "--json"]) == 0
    captured = capsys.readouterr()
    assert len(json.loads(captured.out)["answers"]) == 2


def test_a_text_that_is_cut_off_is_reported(delivery: Delivery, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(delivery.folder), "the cat sat on the mat " * 4]) == 0
    assert "1 of 1 texts are longer than 12 tokens and were cut off" in capsys.readouterr().err


def test_another_tokenizer_is_noticed(delivery: Delivery, capsys: pytest.CaptureFixture[str]) -> None:
    assert delivery.folder is not None
    path = delivery.folder / FILE
    before = path.read_bytes()
    try:
        path.write_bytes(before.replace(b'"cat":5', b'"cat":6').replace(b'"dog":6', b'"dog":5'))
        assert path.read_bytes() != before
        assert main(["run", str(delivery.folder), "the cat"]) == 1
        assert "sha256 differs" in capsys.readouterr().err
        assert main(["verify", str(delivery.folder)]) == 1
        capsys.readouterr()
    finally:
        path.write_bytes(before)
    assert main(["verify", str(delivery.folder)]) == 0


def test_int8_means_rows_rounded_at_run_time_for_text_alone(architecture: None) -> None:
    assert int8_of("small_texts") == INT8_DYNAMIC
    assert int8_of("minilm") == INT8_DYNAMIC
    assert int8_of("mobilenet") == INT8
    assert int8_of("my_model.keras") == INT8


def test_pairs_are_ordered_by_their_cosines(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("first,second,rating\nthe cat,a cat,5\nthe dog,a dog,3\nthe cat,a road,1\n")
    from calibration.inputs import InputSpec

    contracts = text(SIZES["vocabulary"], FILE)()
    rated = RatedPairs(
        source=path.name,
        pairs=read_pairs(path),
        inputs={name: InputSpec(shape=(SIZES["length"],), dtype="int32") for name in contracts},
        contracts=contracts,
        companions={FILE: word_pieces()},
        output="embedding",
    ).write(tmp_path / "work", exclude=(), seed=0)
    assert len(rated.samples) == 6
    angles = np.array([0.0, 0.0, 0.0, 0.1, 0.5, 2.0])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    assert rated.scores({"embedding": vectors}) == {"spearman": pytest.approx(1)}
    assert rated.scores({"embedding": vectors[[0, 1, 2, 5, 4, 3]]}) == {"spearman": pytest.approx(-1)}
    assert rated.scores({"embedding": np.ones_like(vectors)}) == {"spearman": 0.0}


def test_a_table_of_pairs_is_read_as_texts_and_not_as_numbers(delivery: Delivery, tmp_path: Path) -> None:
    from export.analysis import tasks
    from export.model.subject import load_subject

    path = tmp_path / "pairs.csv"
    path.write_text("first,second,rating\nthe cat,a cat,5\nthe dog,a dog,3\nthe cat,a road,1\n")
    task, found = tasks.examples(load_subject(Recipe(model="small_texts")), str(path))
    assert task.name == "embedding"
    assert isinstance(found, RatedPairs)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a,b\n", "line 1: not text,text,number"),
        ("a,b,1\nc,d,much\n", "line 2: not text,text,number"),
        ("a,b,nan\nc,d,1\n", "holds 1 pairs; at least 3"),
        ("a,b,1\nc,d,1\ne,f,1\n", "holds 3 pairs; at least 3 with different ratings"),
    ],
)
def test_other_tables_are_refused(content: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text(content)
    with pytest.raises(UsageProblemError, match=words):
        read_pairs(path)


def test_tokens_are_drawn_by_their_chances() -> None:
    logits = np.log(np.array([0.1, 0.6, 0.3], np.float32))
    generator = np.random.default_rng(0)

    def drawn(count: int, temperature: float, top_p: float = 1.0) -> NDArray[np.int64]:
        sampling = Sampling(temperature=temperature, top_p=top_p)
        return np.array([draw(logits, sampling, generator) for _ in range(count)])

    assert drawn(1, 0) == 1
    assert np.abs(np.bincount(drawn(3000, 1.0), minlength=3) / 3000 - [0.1, 0.6, 0.3]).max() < 0.03
    assert set(drawn(200, 1.0, 0.8)) == {1, 2}
    assert set(drawn(50, 5.0, 1e-9)) == {1}
    assert (drawn(1000, 0.25) == 1).mean() > 0.9


@pytest.mark.parametrize(
    "wrong",
    [{"most": 0}, {"temperature": -1}, {"top_p": 0}, {"top_p": 1.5}, {"seed": -1}, {"temperature": float("nan")}],
)
def test_impossible_sampling_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageProblemError, match="--max-tokens must be at least 1"):
        Sampling(**wrong)  # type: ignore[arg-type]


def test_an_encoder_in_4_bits_is_the_same_in_both_formats(architecture: None, tmp_path: Path) -> None:
    """The matrices of the .onnx are found in the .tflite by their values, and their biases behind a Reshape."""
    made = run(Recipe(model="small_texts", schemes=(INT4,), out=tmp_path)).artifacts
    files = [one for one in made if one.scheme == INT4]
    assert [(one.trouble, one.failures) for one in files] == [("", ()), ("", ())]
    assert all(any(check.id == "storage" for check in one.checks) for one in files)
