"""Find the tokens that are hidden in texts with a delivered file, as a device would."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from calibration.samples import Array
from export.bundle.given import from_texts, tokenizer
from export.bundle.predict import run
from export.bundle.read import Delivered, DeliveredFile
from export.model.output_kinds import MASKED_LANGUAGE_MODELLING
from zoo.errors import CheckFailedError, UsageProblemError
from zoo.inputs import Tokens
from zoo.language.tokenizer import Tokenizer

TASK = MASKED_LANGUAGE_MODELLING
INSIDE = "##"  # begins pieces that continue a word


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A token that may stand in a place, and its chance, from 0 to 1."""

    token: str
    number: int
    chance: float


@dataclass(frozen=True, kw_only=True)
class Filled:
    """A text whose hidden tokens a file has found.

    Attributes:
        text: the text that was given.
        filled: the same with the likeliest token in every hidden place.
        places: for each hidden token the likeliest candidates, the best first.
        milliseconds: time that it took.
        is_cut: whether the text is longer than the network reads.
    """

    text: str
    filled: str
    places: tuple[tuple[Candidate, ...], ...]
    milliseconds: float
    is_cut: bool


def fill(delivered: Delivered, file: DeliveredFile, texts: Sequence[str], top: int) -> tuple[Filled, ...]:
    """Return what stands in the hidden places of each text, with the `top` likeliest tokens of each place.

    Raises:
        CheckFailedError: the tokenizer differs from the exported one, or the scores are not those of its tokens.
        UsageProblemError: a text is empty or hides nothing, or the tokenizer is missing.
    """
    words = tokenizer(delivered)
    hidden = words.mask_token()
    mark = words.token(hidden)
    for text in texts:
        if mark not in text:
            raise UsageProblemError(f"{text[:60]!r} hides no token; type {mark} in the place of each")
    taken = from_texts(delivered, file, texts)
    ids = next(name for name, one in delivered.inputs.items() if isinstance(one, Tokens))
    measured = run(file, taken.samples)
    scores = next(iter(measured.real.values()))
    if scores.ndim != 3 or scores.shape[-1] <= words.highest:  # (texts, places, tokens)
        raise CheckFailedError(f"{file.path.name} does not give a score for every token; export the model again")
    rows = np.asarray(taken.samples.inputs[ids])
    for text, row in zip(texts, rows, strict=True):
        if not _is_cut(text, row, words) and int((row == hidden).sum()) != text.count(mark):
            raise UsageProblemError(f"the tokenizer of {delivered.name} does not read {mark} as one token")
    return tuple(
        _filled(text, row, found, time, words, hidden=hidden, top=top)
        for text, row, found, time in zip(texts, rows, scores, measured.milliseconds, strict=True)
    )


def _filled(
    text: str, ids: Array, scores: Array, milliseconds: float, words: Tokenizer, *, hidden: int, top: int
) -> Filled:
    """Return one text with its hidden tokens; `ids` (length,), `scores` (length, vocabulary)."""
    places = np.flatnonzero(ids == hidden)
    candidates = tuple(_candidates(scores[place, : words.highest + 1], words, top) for place in places)
    filled, mark = text, words.token(hidden)
    for found in candidates:
        filled = _in_place(filled, mark, words.decode([found[0].number]))
    is_cut = _is_cut(text, ids, words)
    return Filled(text=text, filled=filled, places=candidates, milliseconds=milliseconds, is_cut=is_cut)


def _is_cut(text: str, ids: Array, words: Tokenizer) -> bool:
    """Return whether a text is longer than its `ids` (length,)."""
    return len(words.ids(text)) > len(ids)


def _in_place(text: str, mark: str, piece: str) -> str:
    """Return the text with a piece in place of its first mark; the end of a word joins the word before it."""
    if piece.startswith(INSIDE):
        before, _, behind = text.partition(mark)
        return before.rstrip() + piece.removeprefix(INSIDE) + behind
    return text.replace(mark, piece, 1)


def _candidates(scores: Array, words: Tokenizer, top: int) -> tuple[Candidate, ...]:
    chances = np.exp(scores.astype(np.float64) - scores.max())
    chances /= chances.sum()
    best = np.argsort(-chances, kind="stable")[:top]
    return tuple(
        Candidate(token=words.token(int(number)), number=int(number), chance=float(chances[number])) for number in best
    )
