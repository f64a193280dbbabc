"""A vector of numbers as an input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    import numpy as np

    from zoo.inputs.contract import Array


@dataclass(frozen=True, kw_only=True)
class Vector:
    """Numbers that mean themselves: a vector, a sequence of measurements."""

    kind: ClassVar[str] = "vector"
    is_given: ClassVar[bool] = True

    def describe(self) -> str:
        """Return that it is numbers."""
        return "numbers"

    def record(self) -> dict[str, Any]:
        """Return nothing: the file knows shape and type."""
        return {}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the contract of a record."""
        return cls()

    def parse(self, text: str) -> Array:
        """Return the numbers of "0.5 1 -2"."""
        import numpy as np

        return np.asarray(numbers(text, float), np.float32)

    def random(self, generator: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Array:
        """Return uniform numbers from 0 to 1; integers are 0 or 1."""
        import numpy as np

        if np.dtype(dtype).kind == "f":
            return generator.random(shape).astype(dtype)
        return generator.integers(0, 2, shape).astype(dtype)


def numbers(text: str, number: type[int] | type[float]) -> list[Any]:
    """Return the numbers of "1 2 3" or "1, 2, 3".

    Raises:
        UsageProblemError: a word is no number.
    """
    try:
        return [number(word) for word in text.replace(",", " ").split()]
    except ValueError:
        raise UsageProblemError(f"{text!r} is not a list of numbers; type for example '1 2 3'") from None
