"""Inputs that are generated and not given: noise and initial states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, get_args

from zoo.inputs.vector import Vector

if TYPE_CHECKING:
    import numpy as np

    from zoo.inputs.contract import Array

Distribution = Literal["standard normal"]


@dataclass(frozen=True, kw_only=True)
class Random:
    """An input that is random by its meaning, as the noise of a generative model."""

    kind: ClassVar[str] = "random"
    is_given: ClassVar[bool] = False

    distribution: Distribution = "standard normal"

    def describe(self) -> str:
        """Return the distribution."""
        return f"random, {self.distribution}"

    def record(self) -> dict[str, Any]:
        """Return the distribution."""
        return {"distribution": self.distribution}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the contract of a record."""
        if record["distribution"] not in get_args(Distribution):
            raise ValueError("an input has an unknown distribution")
        return cls(distribution=record["distribution"])

    def parse(self, text: str) -> Array:
        """Return the numbers of "0.5 1 -2"."""
        return Vector().parse(text)

    def random(self, generator: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Array:
        """Return numbers of the distribution."""
        return generator.standard_normal(shape).astype(dtype)


@dataclass(frozen=True, kw_only=True)
class Zeros:
    """An input that begins with zeros: the state of a model before its first step."""

    kind: ClassVar[str] = "zeros"
    is_given: ClassVar[bool] = False

    def describe(self) -> str:
        """Return that it is zero."""
        return "zeros"

    def record(self) -> dict[str, Any]:
        """Return nothing."""
        return {}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the contract of a record."""
        return cls()

    def parse(self, text: str) -> Array:
        """Return the numbers of "0.5 1 -2"."""
        return Vector().parse(text)

    def random(self, generator: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Array:
        """Return zeros."""
        import numpy as np

        return np.zeros(shape, dtype)
