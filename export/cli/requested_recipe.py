"""The recipe of an export, from the words of the options of `zoo export`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from export.cli import option_words
from export.formats import PRIMARY
from export.recipe import Budget, Io, Recipe
from export.scheme import INT8
from zoo.errors import UsageProblemError


def requested_recipe(
    model: str,
    *,
    int8: bool = False,
    schemes: str | None = None,
    formats: str | None = None,
    options: Sequence[str] = (),
    shapes: Sequence[str] = (),
    raised: Sequence[str] = (),
    max_drop: str | None = None,
    max_size: str | None = None,
    max_latency: str | None = None,
    max_ram: str | None = None,
    max_flash: str | None = None,
    preset: str | None = None,
    raise_to: str | None = None,
    io: str | None = None,
    **others: Any,
) -> Recipe:
    """Return the recipe; each argument is the value of an option as typed, `others` are fields of the recipe.

    Raises:
        UsageProblemError: a value is none of its option, or options exclude each other.
    """
    model = option_words.model(model)
    others = option_words.as_spelled(model, others)
    budget = option_words.budget(
        max_drop=max_drop,
        max_size=max_size,
        max_latency=max_latency,
        max_ram=max_ram,
        max_flash=max_flash,
        preset=preset,
        raise_to=raise_to,
    )
    _check_precision(budget, schemes, int8=int8)
    if budget.is_for_microcontroller:
        _check_for_microcontroller(option_words.formats(formats), option_words.io(io))
        schemes, io = str(INT8), io or str(Io.INT8)
    if budget.is_asked and raised:
        raise UsageProblemError("a budget chooses the layers itself; leave out --raise, or leave out the budget")
    return Recipe(
        model=model,
        budget=budget,
        schemes=option_words.schemes(
            schemes, (int8 or budget.max_drop is not None) and not budget.is_for_microcontroller, model
        ),
        formats=option_words.formats(formats),
        options=dict(option_words.option(text) for text in options),
        input_shapes=dict(option_words.shape(text) for text in shapes),
        passes=option_words.chosen_passes(others),
        raised=dict(option_words.raised(text) for text in raised),
        io=option_words.io(io),
        **others,
    )


def _check_for_microcontroller(formats: Sequence[str], io: Io | None) -> None:
    """Check that files are made that a microcontroller runs.

    Raises:
        UsageProblemError: none is.
    """
    if formats and PRIMARY.name not in formats:
        raise UsageProblemError(
            f"--max-ram and --max-flash are for .{PRIMARY.name} files, which microcontrollers run; leave out --format"
        )
    if io == Io.FLOAT32:
        raise UsageProblemError("--max-ram and --max-flash are for integer inputs and outputs; leave out --io float32")


def _check_precision(budget: Budget, schemes: str | None, *, int8: bool) -> None:
    """Check that no precision is requested that a budget chooses.

    Raises:
        UsageProblemError: one is.
    """
    if budget.is_for_microcontroller:
        if schemes not in (None, str(INT8)):
            raise UsageProblemError("--max-ram and --max-flash are for int8 files; leave out --precision")
    elif budget.chooses_precision and (schemes or int8):
        raise UsageProblemError(
            "--max-size, --max-latency and --preset choose the precision; leave out --precision and --int8"
        )
