"""Texts become samples: one each with padding, or packed one behind the other for networks without a mask."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from calibration.inputs import InputSpec, Sample
from calibration.sources import texts
from calibration.sources.drawing import draw
from calibration.sources.request import Request, Stream
from tests.language.small_texts import SPECIAL, WORDS, word_pieces
from zoo.errors import UsageProblemError
from zoo.inputs import STORIES, Input, Tokens, Vector, text
from zoo.language.tokenizer import FILE, Tokenizer

SIZE, LENGTH = len(SPECIAL) + len(WORDS), 8
PADDED = text(SIZE, FILE)()
PACKED: dict[str, Input] = {"tokens": Tokens(vocabulary=SIZE, tokenizer=FILE, texts=STORIES)}


def request(contracts: dict[str, Input], companions: dict[str, bytes] | None = None, seed: int = 0) -> Request:
    return Request(
        inputs={name: InputSpec(shape=(LENGTH,), dtype="int32") for name in contracts},
        contracts=contracts,
        counts=(4, 4),
        seed=seed,
        companions={FILE: word_pieces()} if companions is None else companions,
    )


def samples(stream: Stream) -> list[Sample]:
    assert not isinstance(stream.samples, tuple)
    return list(stream.samples)


def written(folder: Path, content: str) -> Path:
    path = folder / "texts.txt"
    path.write_text(content, encoding="utf-8")
    return path


def test_every_line_is_a_sample_with_its_padding(tmp_path: Path) -> None:
    found = samples(texts.open_file(written(tmp_path, "the cat sat\n\n a dog ran on the road \n"), request(PADDED)))
    rows = {tuple(one.inputs["ids"].tolist()): one.inputs["mask"].tolist() for one in found}
    assert rows == {
        (2, 4, 5, 7, 3, 0, 0, 0): [1, 1, 1, 1, 1, 0, 0, 0],
        (2, 10, 6, 8, 9, 4, 12, 3): [1] * 8,
    }


def test_texts_that_are_too_long_are_counted(tmp_path: Path) -> None:
    stream = texts.open_file(written(tmp_path, "the cat sat on the mat on the road\nthe cat\n"), request(PADDED))
    assert len(samples(stream)) == 2
    assert stream.warnings == ["1 of 2 texts are longer than 8 tokens and were cut off"]


def test_without_a_mask_texts_stand_one_behind_the_other(tmp_path: Path) -> None:
    lines = ["the cat sat on the mat", "a dog ran", "the big red dog sat on a road"]
    stream = texts.open_file(written(tmp_path, "\n".join(lines)), request(PACKED))
    found = np.concatenate([one.inputs["tokens"] for one in samples(stream)])
    tokenizer = Tokenizer(word_pieces())
    order = np.random.default_rng(0).permutation(len(lines))
    expected = [number for place in order for number in tokenizer.ids(lines[place])]
    assert found.tolist() == expected[: len(found)]
    assert len(expected) - len(found) < LENGTH


def test_the_same_seed_gives_the_same_texts() -> None:
    first, again, other = (samples(texts.open_builtin(request(PADDED, seed=seed))) for seed in (0, 0, 1))
    ids = [[one.inputs["ids"].tolist() for one in found] for found in (first, again, other)]
    assert ids[0] == ids[1] != ids[2]
    assert sorted(ids[0]) == sorted(ids[2])


@pytest.mark.parametrize("contracts", [PADDED, PACKED])
def test_networks_that_read_text_have_built_in_samples(contracts: dict[str, Input], tmp_path: Path) -> None:
    asked = request(contracts)
    found = draw(
        None,
        inputs=asked.inputs,
        contracts=contracts,
        calibration_count=4,
        probe_count=3,
        seed=0,
        work=tmp_path,
        companions=asked.companions,
    )
    assert (len(found.calibration), len(found.probe), found.probe.real) == (4, 3, True)
    assert set(found.calibration.digests).isdisjoint(found.probe.digests)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "holds no text; write one text per line"),
        (b" \n\t\n", "holds no text; write one text per line"),
        (b"\xff\xfe\x00", "is not text in UTF-8; save it in that encoding"),
    ],
)
def test_a_file_without_text_is_refused(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_bytes(content)
    with pytest.raises(UsageProblemError, match=words):
        texts.open_file(path, request(PADDED))


@pytest.mark.parametrize(
    ("contracts", "companions"), [({"x": Vector()}, None), (PADDED, {}), ({**PADDED, "x": Vector()}, None)]
)
def test_text_for_a_model_without_a_tokenizer_is_refused(
    contracts: dict[str, Input], companions: dict[str, bytes] | None, tmp_path: Path
) -> None:
    with pytest.raises(UsageProblemError, match=r"texts\.txt holds text, but the model takes numbers"):
        texts.open_file(written(tmp_path, "the cat"), request(contracts, companions))


def test_there_are_enough_built_in_sentences_and_none_twice() -> None:
    folder = Path(texts.__file__).parents[2] / "zoo" / "language"
    sentences = (folder / "sentences.txt").read_text(encoding="utf-8").splitlines()
    assert len(sentences) == len(set(sentences)) >= 164
    assert all(one == one.strip() and one for one in sentences)
