"""The values of Python arguments as the options of the command take them, which checks and reads both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from export.recipe import Recipe

_PATHS = ("original", "sign")
_WHOLE_NUMBERS = ("calibration_count", "probe_count", "seed", "unroll", "opset")
_SIZES = ("max_size", "max_ram", "max_flash")
_WORDS = ("max_drop", "max_latency", "prune", "prune_channels", *_SIZES)


def check_names(given: Mapping[str, Any], further: type, named: Iterable[str]) -> None:
    """Check that arguments exist.

    Args:
        given: arguments that the signature does not name.
        further: declares which of these exist.
        named: arguments of the signature, one of which may have been meant.

    Raises:
        UsageProblemError: one does not; the message suggests the nearest.
    """
    from zoo.errors import unknown

    for name in given:
        if name not in further.__annotations__:
            raise unknown("argument", name, [*named, *further.__annotations__])


def recipe_of(
    model: str,
    *,
    int8: bool,
    precision: Any,
    formats: Any,
    calibration: str | None,
    evaluate: str | None,
    weights: str | Path | None,
    options: Mapping[str, Any],
    preprocessing: str | None,
    out: str | Path,
    more: dict[str, Any],
) -> Recipe:
    """Return the recipe of the command with these values.

    Raises:
        UsageProblemError: a value is impossible.
    """
    from export.cli.requested_recipe import requested_recipe

    more = {name: value for name, value in more.items() if value is not None}
    imports = more.pop("imports", ())
    for name in _WHOLE_NUMBERS:
        _check_whole(name, more.get(name, 0))
    return requested_recipe(
        model,
        int8=int8,
        schemes=_listed(precision),
        formats=_listed(formats),
        options=[f"{key}={value}" for key, value in options.items()],
        shapes=[f"{name}={_listed(shape)}".removeprefix("=") for name, shape in more.pop("input_shapes", {}).items()],
        raised=_layers(more.pop("raised", ())),
        raise_to=_listed(more.pop("raise_to", ())),
        imports=tuple(str(one) for one in ([imports] if isinstance(imports, str | Path) else imports)),
        calibration=calibration,
        evaluate=evaluate,
        weights=str(weights) if weights is not None else None,
        preprocessing=preprocessing,
        out=Path(out).expanduser(),
        use_cache=not more.pop("no_cache", False),
        **{name: _word(name, value) for name, value in more.items()},
    )


def _check_whole(name: str, value: Any) -> None:
    from zoo.errors import UsageProblemError

    if isinstance(value, bool) or not isinstance(value, int):
        raise UsageProblemError(f"{name} is a whole number, not {value!r}")


def _listed(values: Any) -> str | None:
    """Return "A,B" for one value or several; None for none."""
    words = [values] if isinstance(values, str) or not isinstance(values, Sequence) else list(values)
    return ",".join(str(word) for word in words) if words else None


def _layers(raised: Any) -> list[str]:
    """Return LAYER=WIDTH for a mapping, one name or several."""
    if isinstance(raised, Mapping):
        return [f"{layer}={width}" for layer, width in raised.items()]
    return [raised] if isinstance(raised, str) else list(raised)


def _word(name: str, value: Any) -> Any:
    """Return a value as typed: 0.01 of an accuracy is "1%", 3000000 bytes are "3000000B", 20 ms are "20ms"."""
    if name in _PATHS:
        return str(value)
    if name not in _WORDS or isinstance(value, str):
        return value
    sizes = dict.fromkeys(_SIZES, f"{value}B")
    units = {"max_drop": f"{100 * value:g}%", "max_latency": f"{value}ms", **sizes}
    return units.get(name, str(value))
