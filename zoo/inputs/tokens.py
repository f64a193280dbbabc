"""Tokens as an input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from zoo.errors import UsageProblemError
from zoo.inputs.vector import numbers

if TYPE_CHECKING:
    import numpy as np

    from zoo.inputs.contract import Array


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """Numbers of words or pieces of words in a vocabulary."""

    kind: ClassVar[str] = "tokens"
    is_given: ClassVar[bool] = True

    vocabulary: int

    def describe(self) -> str:
        """Return the size of the vocabulary."""
        return f"tokens, numbers from 0 to {self.vocabulary - 1}"

    def record(self) -> dict[str, Any]:
        """Return the size of the vocabulary."""
        return {"vocabulary": self.vocabulary}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the contract of a record."""
        return cls(vocabulary=int(record["vocabulary"]))

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
