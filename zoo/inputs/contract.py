"""The contract of an input: what it means, its record, and how values of it are parsed or generated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[Any]


@runtime_checkable
class Input(Protocol):
    """What one input of a model means.

    Attributes:
        kind: one word, the name of the class in records.
        is_given: whether somebody has to give it; False for what is made up beside each sample.
    """

    kind: ClassVar[str]
    is_given: ClassVar[bool]

    def describe(self) -> str:
        """Return what it is, in words."""
        ...

    def record(self) -> dict[str, Any]:
        """Return plain data, without the kind."""
        ...

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the contract of a record.

        Raises:
            ValueError, KeyError, TypeError: the record makes no sense.
        """
        ...

    def parse(self, text: str) -> Array:
        """Return one value, without batch, of what a user types or of the file that it names.

        Raises:
            UsageProblemError: it cannot be understood.
        """
        ...

    def random(self, generator: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Array:
        """Return a made-up value of that shape, without batch."""
        ...
