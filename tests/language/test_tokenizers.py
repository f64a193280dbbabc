"""Texts become tokens and tokens text, and the tokenizer of Llama joins pieces by their scores."""

from __future__ import annotations

import itertools
import struct

import numpy as np
import pytest

from tests.language.small_texts import word_pieces
from zoo.errors import UsageProblemError
from zoo.language import llama_tokenizer
from zoo.language.tokenizer import Tokenizer


@pytest.fixture(scope="module")
def words() -> Tokenizer:
    return Tokenizer(word_pieces())


def test_a_short_text_is_padded_and_its_mask_says_so(words: Tokenizer) -> None:
    found = words.encode("The cats sat", 8)
    assert found.ids.tolist() == [2, 4, 5, 13, 7, 3, 0, 0]
    assert found.mask.tolist() == [1, 1, 1, 1, 1, 1, 0, 0]
    assert (found.segments.tolist(), found.is_cut) == ([0] * 8, False)
    assert {values.dtype for values in (found.ids, found.mask, found.segments)} == {np.dtype("int32")}


def test_a_long_text_is_cut_and_says_so(words: Tokenizer) -> None:
    found = words.encode("the cat sat on the mat", 5)
    assert found.ids.tolist() == [2, 4, 5, 7, 3]
    assert found.is_cut


def test_the_second_text_of_a_pair_has_another_segment(words: Tokenizer) -> None:
    found = words.encode("the cat", 10, pair="a dog")
    assert found.segments.tolist() == [0, 0, 0, 0, 1, 1, 1, 0, 0, 0]


def test_the_tokens_of_a_text_do_not_depend_on_an_earlier_length(words: Tokenizer) -> None:
    words.encode("the cat sat on the mat", 4)
    assert words.ids("the cat sat") == [2, 4, 5, 7, 3]


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b'{"model": 1}'])
def test_other_files_are_no_tokenizers(content: bytes) -> None:
    with pytest.raises(UsageProblemError, match=r"tokenizer\.json is not a file of the tokenizers library"):
        Tokenizer(content)


def pieces() -> list[tuple[bytes, float]]:
    """Return pieces as llama2.c stores them: special tokens, bytes, joined pieces by score, single characters."""
    joined = [b" t", b"he", b" the", b"in", b" cat", b"at", b" c", b"ca"]
    single = [b" ", b"t", b"h", b"e", b"i", b"n", b"c", b"a", b",", "é".encode()]
    found = [(b"<unk>", 0.0), (b"\n<s>\n", 0.0), (b"\n</s>\n", 0.0), *((bytes([one]), 0.0) for one in range(256))]
    found += [(one, -float(rank)) for rank, one in enumerate(joined)]
    return found + [(one, -1e6 - rank) for rank, one in enumerate(single)]


def stored() -> bytes:
    found = struct.pack("<i", 27)
    for text, score in pieces():
        found += struct.pack("<fi", score, len(text)) + text
    return found


def joined_by_score(text: str) -> list[int]:
    """Return the tokens by the rule of llama2.c's run.c: again and again, the pair with the best score is joined."""
    known = {piece.text: number for number, piece in enumerate(llama_tokenizer.read(stored()))}
    scores = [score for _, score in pieces()]
    found: list[tuple[str, int]] = []
    for character in llama_tokenizer.SPACE + text.replace(" ", llama_tokenizer.SPACE):
        if character in known:
            found.append((character, known[character]))
        else:
            found += [("", 3 + byte) for byte in character.encode()]
    while True:
        pairs = [
            (scores[known[one + other]], -place)
            for place, ((one, _), (other, _)) in enumerate(itertools.pairwise(found))
            if one and other and one + other in known
        ]
        if not pairs:
            return [1, *(number for _, number in found)]
        place = -max(pairs)[1]
        whole = found[place][0] + found[place + 1][0]
        found[place : place + 2] = [(whole, known[whole])]


@pytest.mark.parametrize("text", ["the cat", "in the cat, the", "cheat", "  two", "é,ü", "日 the", "tttthe"])
def test_llama_joins_pieces_by_their_scores(text: str) -> None:
    tokenizer = Tokenizer(llama_tokenizer.as_json(llama_tokenizer.read(stored())))
    found = tokenizer.ids(text)
    assert found == joined_by_score(text)
    assert tokenizer.decode(found) == text


def test_merges_in_another_order_give_other_tokens() -> None:
    """Planted: scores turned around."""
    wrong = [llama_tokenizer.Piece(text=one.text, score=-one.score) for one in llama_tokenizer.read(stored())]
    assert Tokenizer(llama_tokenizer.as_json(wrong)).ids("the cat") != joined_by_score("the cat")


@pytest.mark.parametrize("cut", [3, 20, 2000, -1])
def test_a_tokenizer_that_is_cut_off_is_refused(cut: int) -> None:
    with pytest.raises(ValueError, match=r"cut off|has more than"):
        llama_tokenizer.read(stored()[:cut])
