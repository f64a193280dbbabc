"""Tokens as an input, and the inputs that stand beside them: which are padding, and which text they belong to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from zoo.errors import UsageProblemError
from zoo.inputs.vector import numbers

if TYPE_CHECKING:
    import numpy as np

    from zoo.inputs.contract import Array, Input


SENTENCES, STORIES, SPEECHES, DATES = "sentences.txt", "stories.txt", "speeches.txt", "dates.txt"
MOLECULES, REACTIONS = "molecules.txt", "reactions.txt"
SEPARATOR = "\t"  # in a line, between a text and its translation


@dataclass(frozen=True, kw_only=True)
class _OfVocabulary:
    """Numbers of words or pieces of words in a vocabulary."""

    is_given: ClassVar[bool] = True

    vocabulary: int

    def parse(self, text: str) -> Array:
        """Return the numbers of "1 2 3"."""
        import numpy as np

        tokens = numbers(text, int)
        if not all(0 <= number < self.vocabulary for number in tokens):
            raise UsageProblemError(f"{text!r} holds a token that is not in 0..{self.vocabulary - 1}")
        return np.asarray(tokens, np.int32)

    def random(self, generator: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Array:
        """Return random tokens of the vocabulary."""
        return generator.integers(0, self.vocabulary, shape).astype(dtype)


@dataclass(frozen=True, kw_only=True)
class Tokens(_OfVocabulary):
    """The tokens of a text.

    Attributes:
        vocabulary: number of different tokens.
        tokenizer: name of the companion file that turns text into tokens; empty if there is none.
        texts: built-in texts that the network understands, a file in `zoo/language`.
    """

    kind: ClassVar[str] = "tokens"

    tokenizer: str = ""
    texts: str = SENTENCES

    def describe(self) -> str:
        """Return the size of the vocabulary."""
        return f"tokens, numbers from 0 to {self.vocabulary - 1}"

    def record(self) -> dict[str, Any]:
        """Return the size of the vocabulary and the name of the tokenizer's file."""
        return {"vocabulary": self.vocabulary, **({"tokenizer": self.tokenizer} if self.tokenizer else {})}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the contract of a record."""
        tokenizer = record.get("tokenizer", "")
        if not isinstance(tokenizer, str):
            raise TypeError("the name of a tokenizer is not text")
        return cls(vocabulary=int(record["vocabulary"]), tokenizer=tokenizer)


@dataclass(frozen=True, kw_only=True)
class TargetTokens(_OfVocabulary):
    """The tokens of the text that a network writes, beside those of the text that it reads; of the same tokenizer."""

    kind: ClassVar[str] = "target tokens"

    def describe(self) -> str:
        """Return the size of the vocabulary."""
        return f"tokens of the text that is written, numbers from 0 to {self.vocabulary - 1}"

    def record(self) -> dict[str, Any]:
        """Return the size of the vocabulary."""
        return {"vocabulary": self.vocabulary}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the contract of a record."""
        return cls(vocabulary=int(record["vocabulary"]))


@dataclass(frozen=True, kw_only=True)
class _BesideTokens:
    """Zeros and ones beside the tokens of a text."""

    is_given: ClassVar[bool] = True
    meaning: ClassVar[str]

    def describe(self) -> str:
        """Return what the numbers mean."""
        return self.meaning

    def record(self) -> dict[str, Any]:
        """Return nothing."""
        return {}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the contract of a record."""
        return cls()

    def parse(self, text: str) -> Array:
        """Return the numbers of "1 1 0"."""
        import numpy as np

        found = numbers(text, int)
        if not set(found) <= {0, 1}:
            raise UsageProblemError(f"{text!r} holds other numbers than 0 and 1")
        return np.asarray(found, np.int32)


@dataclass(frozen=True, kw_only=True)
class TokenMask(_BesideTokens):
    """Which tokens belong to the text."""

    kind: ClassVar[str] = "token mask"
    meaning: ClassVar[str] = "1 for tokens of the text, 0 for padding"

    def random(self, generator: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Array:
        """Return the mask of a text of random length, so that a file that ignores masks is found."""
        import numpy as np

        length = generator.integers(1, shape[-1] + 1)
        return np.broadcast_to(np.arange(shape[-1]) < length, shape).astype(dtype)


@dataclass(frozen=True, kw_only=True)
class TokenSegments(_BesideTokens):
    """Which of two texts each token belongs to."""

    kind: ClassVar[str] = "token segments"
    meaning: ClassVar[str] = "0 for tokens of the first text, 1 for those of the second"

    def random(self, generator: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Array:
        """Return the numbers of a text without a second one."""
        import numpy as np

        return np.zeros(shape, dtype)


# A text becomes inputs of these kinds.
TEXT_KINDS = frozenset({Tokens.kind, TargetTokens.kind, TokenMask.kind, TokenSegments.kind})


def text(vocabulary: int, tokenizer: str, texts: str = SENTENCES) -> Callable[..., dict[str, Input]]:
    """Return the inputs of an architecture that reads a text, or a pair of texts: options -> contracts by input name.

    Args:
        vocabulary: number of different tokens, unless the options say another.
        tokenizer: name of the companion file.
        texts: built-in texts that the network understands.
    """

    def inputs(**options: Any) -> dict[str, Input]:
        size = int(options.get("vocabulary", vocabulary))
        return {
            "ids": Tokens(vocabulary=size, tokenizer=tokenizer, texts=texts),
            "mask": TokenMask(),
            "segment_ids": TokenSegments(),
        }

    return inputs


def tokenizer_of(inputs: Mapping[str, Input]) -> str:
    """Return the name of the file that turns text into these inputs; empty if they are not made from text."""
    names = {one.tokenizer for one in inputs.values() if isinstance(one, Tokens)}
    is_text = all(one.kind in TEXT_KINDS for one in inputs.values())
    return names.pop() if is_text and len(names) == 1 else ""
