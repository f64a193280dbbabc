"""Input contracts: what an input of a model means.

A contract describes itself to the reader, travels with the files as plain data, parses what a user types or names, and
makes up values of its kind. Where data of a kind come from, `calibration` knows. A new kind is a class, here or
anywhere, and a call of `register_kind`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, Self, get_args, runtime_checkable

from zoo.errors import UsageProblemError
from zoo.preprocessing import Preprocessing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[Any]

Distribution = Literal["standard normal"]


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


@dataclass(frozen=True, kw_only=True)
class Photo:
    """A photo that becomes the input by a preprocessing."""

    kind: ClassVar[str] = "photo"
    is_given: ClassVar[bool] = True

    preprocessing: Preprocessing

    def describe(self) -> str:
        """Return the size and the colours."""
        one = self.preprocessing
        return f"a photo, {one.height} x {one.width}, {one.colours}"

    def record(self) -> dict[str, Any]:
        """Return the preprocessing's record."""
        return self.preprocessing.record()

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the contract of a record."""
        return cls(preprocessing=Preprocessing.from_record(record))

    def parse(self, text: str) -> Array:
        """Return the input of the photo file of that name."""
        from PIL import Image

        try:
            with Image.open(text) as photo:
                pixels = self.preprocessing.photo(photo.convert("RGB"))
        except OSError as error:
            raise UsageProblemError(f"{text!r} cannot be read as a photo: {error}") from error
        value: Array = self.preprocessing.normalise(pixels[None])[0]
        return value

    def random(self, generator: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Array:
        """Return the input of a photo of random bytes."""
        import numpy as np

        pixels = generator.integers(0, 256, shape, np.uint8)
        value: Array = self.preprocessing.normalise(pixels[None])[0].astype(dtype)
        return value


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

        numbers = _numbers(text, int)
        if not all(0 <= number < self.vocabulary for number in numbers):
            raise UsageProblemError(f"{text!r} holds a token that is not in 0..{self.vocabulary - 1}")
        return np.asarray(numbers, np.int32)

    def random(self, generator: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Array:
        """Return random tokens of the vocabulary."""
        return generator.integers(0, self.vocabulary, shape).astype(dtype)


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

        return np.asarray(_numbers(text, float), np.float32)

    def random(self, generator: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Array:
        """Return uniform numbers from 0 to 1; integers are 0 or 1."""
        import numpy as np

        if np.dtype(dtype).kind == "f":
            return generator.random(shape).astype(dtype)
        return generator.integers(0, 2, shape).astype(dtype)


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


_KINDS: dict[str, type[Input]] = {}


def register_kind(kind: type[Input]) -> type[Input]:
    """Make a kind of input known to records; a name can be taken once."""
    if kind.kind in _KINDS:
        raise ValueError(f"the kind of input {kind.kind!r} is registered twice")
    _KINDS[kind.kind] = kind
    return kind


for _kind in (Photo, Tokens, Vector, Random, Zeros):
    register_kind(_kind)


def record(inputs: Mapping[str, Input]) -> dict[str, dict[str, Any]]:
    """Return contracts as plain data, by input name."""
    return {name: {"kind": one.kind, **one.record()} for name, one in inputs.items()}


def from_record(records: Mapping[str, Mapping[str, Any]]) -> dict[str, Input]:
    """Return the contracts of a record.

    Raises:
        ValueError, KeyError, TypeError: the record makes no sense, or is of a kind that is not known.
    """
    found: dict[str, Input] = {}
    for name, values in records.items():
        kind = _KINDS.get(values["kind"])
        if kind is None:
            raise ValueError(f"an input of the unknown kind {values['kind']!r}")
        found[str(name)] = kind.from_record({key: value for key, value in values.items() if key != "kind"})
    return found


def photo(
    preprocess: Callable[..., Preprocessing], name: str = "image", others: Mapping[str, Input] | None = None
) -> Callable[..., Any]:
    """Return the inputs of an architecture that takes a photo: options -> contracts by input name.

    Args:
        preprocess: options -> how a photo becomes the input.
        name: of that input.
        others: the inputs beside it.
    """

    def inputs(**options: Any) -> dict[str, Input]:
        return {name: Photo(preprocessing=preprocess(**options)), **(others or {})}

    return inputs


def preprocessing_of(inputs: Mapping[str, Input]) -> Preprocessing | None:
    """Return how photos become the input, if one of the inputs is a photo."""
    return next((one.preprocessing for one in inputs.values() if isinstance(one, Photo)), None)


def made_up(inputs: Mapping[str, Input]) -> dict[str, Input]:
    """Return the inputs that nobody has to give."""
    return {name: one for name, one in inputs.items() if not one.is_given}


def _numbers(text: str, number: type[int] | type[float]) -> list[Any]:
    try:
        return [number(word) for word in text.replace(",", " ").split()]
    except ValueError:
        raise UsageProblemError(f"{text!r} is no list of numbers; type for example '1 2 3'") from None
