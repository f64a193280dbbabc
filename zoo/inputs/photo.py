"""A photo as an input."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from zoo.errors import UsageProblemError
from zoo.preprocessing import Preprocessing

if TYPE_CHECKING:
    import numpy as np

    from zoo.inputs.contract import Array, Input


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


def photo_input(inputs: Mapping[str, Input]) -> str | None:
    """Return the name of the input that is a photo, if there is one."""
    return next((name for name, one in inputs.items() if isinstance(one, Photo)), None)


def preprocessing_of(inputs: Mapping[str, Input]) -> Preprocessing | None:
    """Return how photos become the input, if one of the inputs is a photo."""
    return next((one.preprocessing for one in inputs.values() if isinstance(one, Photo)), None)
