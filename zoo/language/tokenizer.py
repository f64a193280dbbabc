"""Tokenizers: from text to numbers of tokens and back, by the `tokenizers` library and the file that travels along."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.errors import OutsideError, UsageProblemError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from zoo.pinned import Source

    Numbers = NDArray[np.int32]

# Name of the companion file that holds the vocabulary, the rules and the special tokens.
FILE = "tokenizer.json"
MASKS = ("[MASK]", "<mask>")  # names of the token that stands for a hidden one


def tokenizer_file(places: Sequence[Source]) -> bytes:
    """Return the content of the tokenizer in the first place that delivers it.

    Raises:
        OutsideError: none does.
    """
    from zoo.weights import sources

    failures = []
    for source in sorted(places, key=lambda source: not sources.is_local(source)):
        try:
            files = sources.fetch(source)
        except OutsideError as error:
            failures.append(str(error))
            continue
        return next(file for file in files if file.name == FILE).read_bytes()
    raise OutsideError(f"no source of the tokenizer answered: {'; '.join(failures)}")


@dataclass(frozen=True, kw_only=True, eq=False)
class Encoded:
    """One text as inputs of a network, each int32 (length,).

    Attributes:
        ids: numbers of the tokens, padded.
        mask: 1 for the tokens of the text, 0 for padding.
        segments: 0 for the first text, 1 for the second of a pair.
        is_cut: whether the text is longer than the input.
    """

    ids: Numbers
    mask: Numbers
    segments: Numbers
    is_cut: bool


class Tokenizer:
    """A tokenizer that was read from the content of its file."""

    def __init__(self, content: bytes, name: str = FILE) -> None:
        """Read the content of a tokenizer.json; `name` is for messages.

        Raises:
            UsageProblemError: it is no tokenizer.
        """
        import tokenizers

        try:
            self._tokenizer: Any = tokenizers.Tokenizer.from_str(content.decode("utf-8"))
        except Exception as error:  # The library raises plain exceptions.
            first = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise UsageProblemError(f"{name} is not a file of the tokenizers library: {first}") from error
        padding = self._tokenizer.padding or {}
        self._padding = {key: padding[key] for key in ("pad_id", "pad_token") if key in padding}
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    @property
    def size(self) -> int:
        """The number of different tokens."""
        return int(self._tokenizer.get_vocab_size())

    @property
    def highest(self) -> int:
        """The highest number of a token; -1 if there are no tokens."""
        return max(self._tokenizer.get_vocab().values(), default=-1)

    def encode(self, text: str, length: int, pair: str | None = None) -> Encoded:
        """Return a text, or a pair of texts, as inputs of `length` tokens; longer texts are cut off, shorter padded.

        The token of padding is that of the file, number 0 if the file states none.
        """
        import numpy as np

        whole = len(self._tokenizer.encode(text, pair).ids)
        self._tokenizer.enable_truncation(max_length=length)
        self._tokenizer.enable_padding(length=length, **self._padding)
        found = self._tokenizer.encode(text, pair)
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        ids, mask, segments = (np.asarray(one, np.int32) for one in (found.ids, found.attention_mask, found.type_ids))
        return Encoded(ids=ids, mask=mask, segments=segments, is_cut=whole > length)

    def ids(self, text: str) -> list[int]:
        """Return the numbers of the tokens of a text without padding, with the special tokens around it."""
        return list(self._tokenizer.encode(text).ids)

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of tokens, without special tokens."""
        return str(self._tokenizer.decode(list(ids)))

    def token(self, number: int) -> str:
        """Return one token as it stands in the vocabulary; empty if there is none of that number."""
        return self._tokenizer.id_to_token(number) or ""

    def mask_token(self) -> int:
        """Return the number of the token that stands for a hidden one.

        Raises:
            UsageProblemError: the vocabulary has none.
        """
        for token in MASKS:
            if (number := self.number(token)) is not None:
                return number
        raise UsageProblemError(f"the tokenizer has no token for a hidden one: {' or '.join(MASKS)}")

    def number(self, token: str) -> int | None:
        """Return the number of a token; None if the vocabulary does not have it."""
        found = self._tokenizer.token_to_id(token)
        return None if found is None else int(found)
