"""The tokenizer of Llama as a file of the tokenizers library, made from the pieces and scores of llama2.c.

Pieces of text are joined pair by pair, the pair with the best score first (SentencePiece's BPE: Kudo and Richardson
2018, https://arxiv.org/abs/1808.06226); characters that no piece has become bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

UNKNOWN, BEGIN, END = "<unk>", "<s>", "</s>"
SPECIAL = (UNKNOWN, BEGIN, END)
SPACE = "\u2581"  # stands for a space inside of pieces
BYTES = range(3, 259)  # numbers of the tokens that are single bytes
_HEADER, _ENTRY = struct.Struct("<i"), struct.Struct("<fi")


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One token: its text, and its score; the higher, the earlier two others are joined to it."""

    text: str
    score: float


def read(content: bytes) -> tuple[Piece, ...]:
    """Return the pieces of a tokenizer.bin of llama2.c: the longest length, then score, length and bytes of each.

    Raises:
        ValueError: the content is cut off or no such file.
    """
    pieces: list[Piece] = []
    place = _HEADER.size
    while place < len(content):
        if place + _ENTRY.size > len(content):
            raise ValueError("the tokenizer is cut off")
        score, length = _ENTRY.unpack_from(content, place)
        place += _ENTRY.size
        if not 0 <= length <= len(content) - place:
            raise ValueError("the tokenizer is cut off")
        pieces.append(Piece(text=_text(len(pieces), content[place : place + length]), score=score))
        place += length
    if len(pieces) < BYTES.stop:
        raise ValueError(f"a tokenizer has more than {len(pieces)} pieces")
    return tuple(pieces)


def _text(number: int, stored: bytes) -> str:
    """Return the text of a piece; those of single bytes have names, because the same text is a piece of its own too."""
    if number < len(SPECIAL):
        return SPECIAL[number]
    if number in BYTES:
        return f"<0x{number - BYTES.start:02X}>"
    return stored.decode("utf-8").replace(" ", SPACE)


def as_json(pieces: Sequence[Piece]) -> bytes:
    """Return the tokenizer.json of the pieces, which begins every text with the token <s>."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, processors

    numbers = {piece.text: number for number, piece in enumerate(pieces)}
    model = models.BPE(
        vocab=numbers, merges=list(_merges(pieces, numbers)), unk_token=UNKNOWN, fuse_unk=True, byte_fallback=True
    )
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend(SPACE), normalizers.Replace(" ", SPACE)])
    steps = [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    tokenizer.decoder = decoders.Sequence(steps)
    tokenizer.add_special_tokens([AddedToken(text, normalized=False, special=True) for text in SPECIAL])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN} $A", pair=f"{BEGIN} $A {BEGIN} $B", special_tokens=[(BEGIN, numbers[BEGIN])]
    )
    return tokenizer.to_str().encode()


def _merges(pieces: Sequence[Piece], numbers: dict[str, int]) -> Iterator[tuple[str, str]]:
    """Yield the pairs of pieces that make another one, those with the best score first."""
    ordered = sorted(range(BYTES.stop, len(pieces)), key=lambda number: (-pieces[number].score, number))
    for number in ordered:
        text = pieces[number].text
        pairs = [(text[:cut], text[cut:]) for cut in range(1, len(text))]
        known = [pair for pair in pairs if pair[0] in numbers and pair[1] in numbers]
        yield from sorted(known, key=lambda pair: (numbers[pair[0]], numbers[pair[1]]))
