"""Input specifications of a model, and checks of arrays against them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.samples import Array
from zoo.errors import UsageProblemError
from zoo.preprocessing import Preprocessing

# Kinds of numpy's types that hold texts, or objects that may be texts.
TEXTS, OBJECTS = "UST", "O"


@dataclass(frozen=True, kw_only=True)
class Texts:
    """The texts that a model read before the layer that turns them into numbers was cut off.

    Attributes:
        shape: of the texts of one sample.
        numbers: returns the numbers (N, ...) of texts (N, *shape).
    """

    shape: tuple[int, ...]
    numbers: Callable[[NDArray[Any]], Array] = field(compare=False)

    def __str__(self) -> str:
        return f"texts ({', '.join(('N', *map(str, self.shape)))})"


@dataclass(frozen=True, kw_only=True)
class InputSpec:
    """One input of a model.

    Attributes:
        shape: static shape without the batch axis.
        dtype: numpy name of the element type.
        meaning: words for messages, such as "tokens, numbers from 0 to 99"; empty for plain numbers.
        texts: how texts become the numbers of this input; None if it takes numbers only.
        takes_bytes: whether bytes are the numbers themselves, and no photo that must be normalised.
    """

    shape: tuple[int, ...]
    dtype: str = "float32"
    meaning: str = ""
    texts: Texts | None = None
    takes_bytes: bool = False

    def __str__(self) -> str:
        shape = f"{self.dtype} ({', '.join(('N', *map(str, self.shape)))})"
        said = f"{shape}, {self.meaning}" if self.meaning else shape
        return f"{said}, or {self.texts}, of which the export makes them" if self.texts else said


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One sample without the batch axis: its inputs by name, with the photo and the label if it has them."""

    inputs: Mapping[str, Array]
    photo: NDArray[np.uint8] | None = None
    label: int | None = None


def describe(inputs: Mapping[str, InputSpec]) -> str:
    """Return names, types and shapes for an error message, such as `image: float32 (N, 224, 224, 3)`."""
    return "; ".join(f"{name}: {spec}" for name, spec in inputs.items())


def photo_sample(name: str, photo: NDArray[np.uint8], preprocessing: Preprocessing, label: int | None = None) -> Sample:
    """Return the sample whose input `name` is `photo` (height, width, channels), normalised by `preprocessing`."""
    return Sample(inputs={name: preprocessing.normalise(photo)}, photo=photo, label=label)


def are_texts(spec: InputSpec, values: NDArray[Any]) -> bool:
    """Return whether values are texts, of which the numbers of an input can be made."""
    is_text = values.dtype.kind in TEXTS or (
        values.dtype.kind in OBJECTS and all(isinstance(one, str | bytes) for one in values.flat)
    )
    return spec.texts is not None and is_text


def numbers_of(what: str, name: str, spec: InputSpec, values: NDArray[Any]) -> Array:
    """Return the numbers (N, ...) of the texts of one or more samples.

    Raises:
        UsageProblemError: a sample has another number of texts; `what` names the source in the message.
    """
    assert spec.texts is not None  # `are_texts` says so
    shape = spec.texts.shape
    if shape not in (values.shape, values.shape[1:]) and values.size % prod(shape):
        check_shape(what, name, spec, values.shape)
    return spec.texts.numbers(values.reshape(-1, *shape))


def check_castable(what: str, name: str, spec: InputSpec, dtype: np.dtype[Any]) -> None:
    """Check that `dtype` converts to the input's type without changing the meaning of the values.

    Raises:
        UsageProblemError: it does not; `what` names the source in the message.
    """
    wanted = np.dtype(spec.dtype)
    if dtype == np.uint8 and np.issubdtype(wanted, np.floating) and not spec.takes_bytes:
        raise UsageProblemError(
            f"{what}: {name!r} holds camera bytes (uint8), but their conversion to {wanted} is not known; "
            "add --preprocessing raw, unit, tf, caffe or torch, or give values that the model takes directly"
        )
    if dtype.kind not in "biuf" or not np.can_cast(dtype, wanted, "same_kind"):
        raise UsageProblemError(f"{what}: {name!r} is {dtype}, but the model takes {spec}")


def check_shape(what: str, name: str, spec: InputSpec, shape: tuple[int, ...]) -> None:
    """Check that one sample's shape is the input's shape.

    Raises:
        UsageProblemError: it is not; `what` names the source in the message.
    """
    if shape != spec.shape:
        actual = f"(N, {', '.join(map(str, shape))})"
        how = "; save texts as np.array(texts, dtype=str)" if spec.texts is not None else ""
        raise UsageProblemError(f"{what}: {name!r} has the shape {actual}, but the model takes {spec}{how}")


def not_finite(what: str, name: str) -> UsageProblemError:
    """Return the error for samples with NaN or infinity in the input `name`."""
    return UsageProblemError(f"{what}: {name!r} holds NaN or infinity; remove those samples")


def cast(what: str, name: str, spec: InputSpec, values: Array) -> Array:
    """Return one sample's values in the input's type.

    Raises:
        UsageProblemError: a value is not finite or not representable in that type.
    """
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise not_finite(what, name)
    result = values.astype(spec.dtype, copy=False)
    if values.dtype.kind in "iu" and not np.array_equal(result, values):
        raise UsageProblemError(f"{what}: {name!r} holds values that do not fit into {spec.dtype}")
    return result
