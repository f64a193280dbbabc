"""`zoo train` on a text file: a small GPT learns the next token, and its file has its forms with a cache."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from export.cli.main import main
from export.cli.option_words import int8_of
from export.metrics.next_tokens import perplexity
from export.model.loading.causal_model import CACHE
from export.model.subject import subject_of_file
from export.pipeline import run
from export.recipe import Recipe
from export.scheme import INT8_DYNAMIC
from tests.language.small_texts import word_pieces
from tests.training.conftest import silent
from training import tasks
from training.pipeline import train
from training.recipe import TrainingRecipe
from training.results import Trained
from training.run_state import RunState
from training.start import Start, ZooStart
from zoo import gpt2
from zoo.architecture import ARCHITECTURES, Architecture
from zoo.errors import UsageProblemError
from zoo.inputs import Tokens
from zoo.language.tokenizer import FILE, Tokenizer

LENGTH, VOCABULARY = gpt2.TINY["length"], 16
LINES = ["the cat sat on the mat", "the big dog ran on a road", "a red cat ran", "the dogs sat on the red mat"] * 15


@pytest.fixture(scope="module", autouse=True)
def architecture() -> Iterator[None]:
    """A tiny GPT of a few words, in the zoo."""
    made = Architecture(
        name="small_gpt",
        title="Small GPT",
        task="language modelling",
        paper="none",
        build=lambda **options: gpt2.build(**{**gpt2.TINY, "vocabulary": VOCABULARY, **options}),
        inputs=lambda **_: {"tokens": Tokens(vocabulary=VOCABULARY, tokenizer=FILE)},
        parameter_count=1,
        decoder=gpt2.decoder,
        companions=lambda **_: {FILE: word_pieces()},
    )
    with ARCHITECTURES.registered(made.name, made):
        yield


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "pets.txt"
    path.write_text("\n".join(LINES))
    return path


def recipe(data: Path, out: Path, **changes: Any) -> TrainingRecipe:
    options = {"model": "small_gpt", "data": str(data), "out": out, "epochs": 6, "batch": 4, "learning_rate": 1e-2}
    return TrainingRecipe(**{**options, **changes})


@pytest.fixture(scope="module")
def trained(architecture: None, text: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A tiny GPT that has learned the lines; tests must not change its file."""
    return train(recipe(text, tmp_path_factory.mktemp("trained") / "pets.keras"), silent)


def started(text: Path, folder: Path, **changes: Any) -> tuple[Start, Any]:
    """Return the network before training, and the data."""
    chosen = recipe(text, folder / "a.keras", **changes)
    return ZooStart(chosen).start({}, ()), tasks.find("language modelling", "").find(chosen)


def tokens_of(lines: list[str]) -> list[int]:
    tokenizer = Tokenizer(word_pieces())
    return [token for line in lines for token in tokenizer.ids(line)]


def test_windows_stand_one_behind_the_other_and_the_end_is_held_out(text: Path, tmp_path: Path) -> None:
    start, data = started(text, tmp_path)
    parts, tokens = data.examples(start, tmp_path), tokens_of(LINES)
    first = round(0.8 * len(tokens))
    for part, some in ((parts.train, tokens[:first]), (parts.validation, tokens[first:])):
        count = (len(some) - 1) // LENGTH
        assert len(part) == count >= 1
        assert part.inputs["tokens"].ravel().tolist() == some[: count * LENGTH]
        assert part.annotations.ravel().tolist() == some[1 : count * LENGTH + 1]


def test_the_best_epoch_has_the_lowest_perplexity(trained: Trained, tmp_path: Path) -> None:
    found = [row["perplexity"] for row in trained.rows]
    assert found[trained.best - 1] == min(found) < found[0] < VOCABULARY
    assert trained.scores == {"validation": {"perplexity": pytest.approx(min(found), rel=1e-6)}}
    assert (trained.classes, trained.pictures) == ((), ("curve.png",))
    for higher, best in ((True, 1), (False, 2)):
        state = RunState(tmp_path / "run", {}, resume=False, higher_is_better=higher)
        state.rows = [{"stage": 0, "phase": "a", "counts": True, "score": score} for score in (2.0, 3.0, 1.0, 2.5)]
        assert state.best(0) == best
        assert state.stalled(0, patience=1)


def test_the_perplexity_is_that_of_the_next_tokens(text: Path, tmp_path: Path) -> None:
    start, data = started(text, tmp_path)
    part = data.examples(start, tmp_path).validation
    scores = tasks.find("language modelling", "").evaluate(start, part)
    whole = np.concatenate([part.inputs["tokens"], part.annotations[:, -1:]], axis=1)
    logits = start.model.predict(part.inputs["tokens"], verbose=0)
    padded = np.concatenate([logits, logits[:, -1:]], axis=1)  # the last row is not counted
    assert scores["perplexity"] == pytest.approx(perplexity(padded, whole), rel=1e-5)


def test_pretrained_weights_are_all_kept(tmp_path: Path, text: Path) -> None:
    model, file = zoo.find("small_gpt").build(), tmp_path / "small.weights.h5"
    model.save_weights(file)
    start, _ = started(text, tmp_path, weights=str(file))
    assert (start.new, start.weights.trained) == ((), True)
    assert all(np.array_equal(*pair) for pair in zip(start.model.get_weights(), model.get_weights(), strict=True))


def test_the_file_has_its_tokenizer_and_its_forms_with_a_cache(trained: Trained) -> None:
    subject = subject_of_file(trained.file, None)
    assert subject.companions == {FILE: word_pieces()}
    assert subject.decoder is not None
    assert subject.decoder(subject.model).context == gpt2.TINY["context"]
    assert CACHE not in subject.notes
    assert int8_of(str(trained.file)) == INT8_DYNAMIC


def test_a_file_that_only_claims_to_be_a_decoder_is_refused(trained: Trained, tmp_path: Path) -> None:
    with zipfile.ZipFile(trained.file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    facts = json.loads(members["zoo.json"]) | {"architecture": "stories15m"}
    with zipfile.ZipFile(tmp_path / "bad.keras", "w") as archive:
        for name, content in (members | {"zoo.json": json.dumps(facts).encode()}).items():
            archive.writestr(name, content)
    with pytest.raises(UsageProblemError, match="says that it is stories15m, but is not built like it"):
        subject_of_file(tmp_path / "bad.keras", None)


def test_training_goes_on_from_a_file(trained: Trained, text: Path, tmp_path: Path) -> None:
    again = recipe(text, tmp_path / "again.keras", model=str(trained.file), epochs=1, learning_rate=1e-5)
    done = train(again, silent)
    assert [row["phase"] for row in done.rows] == ["fine"]
    assert done.scores["validation"]["perplexity"] == pytest.approx(
        trained.scores["validation"]["perplexity"], rel=0.02
    )
    assert subject_of_file(done.file, None).decoder is not None


def greedy(trained: Trained, prompt: str, count: int) -> list[int]:
    """Return the likeliest tokens behind the prompt, by the Keras model without a cache."""
    model, tokens = subject_of_file(trained.file, None).model, tokens_of([prompt])
    begun = len(tokens)
    for _ in range(count):
        padded = np.array([[*tokens, *[0] * (LENGTH - len(tokens))]], np.int32)
        tokens.append(int(model.predict(padded, verbose=0)[0, len(tokens) - 1].argmax()))
    return tokens[begun:]


def test_the_file_is_exported_with_a_cache_and_continues_a_text(
    trained: Trained, text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = run(Recipe(model=str(trained.file), schemes=(INT8_DYNAMIC,), calibration=str(text), out=tmp_path))
    assert made.passed
    assert made.folder is not None
    expected = greedy(trained, "the big", 6)
    assert len(set(expected)) > 3
    for name in (f"pets-int8_dynamic.{suffix}" for suffix in ("tflite", "onnx")):
        capsys.readouterr()
        assert main(["run", str(made.folder), "the big", "--file", name, "--max-tokens", "6", "--json"]) == 0
        (answer,) = json.loads(capsys.readouterr().out)["answers"]
        assert answer["tokens"] == expected


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none.txt", None, "does not exist; small_gpt continues a text: give a .txt"),
        ("pets.csv", "text,class\na,b\n", "is no .txt; small_gpt continues a text: give a .txt"),
        ("", None, "is a folder; small_gpt continues a text: give a .txt"),
        ("empty.txt", " \n", "holds no text"),
        ("short.txt", "the cat sat\n" * 8, "holds 40 tokens; .* need about 85: give a longer text"),
        ("bytes.txt", b"\xff\xfe", "not text in UTF-8"),
    ],
)
def test_unsuitable_texts_are_refused(name: str, content: str | bytes | None, words: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UsageProblemError, match=words):
        train(recipe(tmp_path / name, tmp_path / "out.keras"), silent)
    assert not (tmp_path / "out.training").exists()


def test_a_decoder_without_a_tokenizer_is_refused(text: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageProblemError, match="gpt2 has no tokenizer here"):
        train(recipe(text, tmp_path / "out.keras", model="gpt2"), silent)
