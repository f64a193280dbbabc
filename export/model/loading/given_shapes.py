"""Shapes of inputs that a user gives, and whether they fit those of a model."""

from __future__ import annotations

from collections.abc import Mapping

from zoo.errors import UsageProblemError, unknown

Shape = tuple[int, ...]


def named(given: Mapping[str, Shape], inputs: list[str]) -> dict[str, Shape]:
    """Return the given shapes by input name.

    Raises:
        UsageProblemError: there is no such input, or a name is needed.
    """
    if "" in given and len(inputs) > 1:
        raise UsageProblemError(
            f"the model has {len(inputs)} inputs; type the name too: --set-input {inputs[0]}={in_words(given[''])}"
        )
    by_name = {one or inputs[0]: shape for one, shape in given.items()}
    for one in by_name:
        if one not in inputs:
            raise unknown("input", one, inputs)
    return by_name


def check(name: str, one: str, shape: tuple[int | None, ...], wanted: Shape, origin: str) -> None:
    """Check that a shape with a batch of 1 fits the input's.

    Raises:
        UsageProblemError: it does not.
    """
    fits = len(shape) == len(wanted) and wanted[0] == 1
    if not fits or any(own not in (None, size) for own, size in zip(shape[1:], wanted[1:], strict=True)):
        raise UsageProblemError(
            f"{origin}: the input {one!r} of {name} has the shape {shape}, which {in_words(wanted)} does not fit "
            "(the first size is the batch, 1)"
        )


def in_words(shape: tuple[int | None, ...]) -> str:
    """Return a shape as a user types it, with 1 for unknown sizes."""
    return ",".join(str(size or 1) for size in shape)
