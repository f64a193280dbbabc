"""The sentence about a value of an option that is no number, out of range or no path."""

from __future__ import annotations

from typing import Any

import click

_WHOLE, _NUMBER = "whole number", "number"


def bad_value(error: click.BadParameter) -> str:
    """Return what is wrong with a value, in the words of the option, and what to type instead."""
    parameter, message = error.param, error.message.rstrip(".")
    if parameter is None:
        return message
    name = parameter.opts[0] if isinstance(parameter, click.Option) else parameter.make_metavar(_context(error))
    quoted = message.partition(" is not ")[0]
    kind = _kind(parameter.type)
    if kind is None:
        return f"{name}: {message[:1].lower()}{message[1:]}"
    return f"{name} {quoted} is not a {kind}{_between(parameter.type)}; type for example {name} {_example(parameter)}"


def _context(error: click.BadParameter) -> click.Context:
    assert error.ctx is not None  # the caller has one
    return error.ctx


def _kind(kind: click.ParamType[Any]) -> str | None:
    if isinstance(kind, click.types.IntParamType):
        return _WHOLE
    return _NUMBER if isinstance(kind, click.types.FloatParamType) else None


def _between(kind: click.ParamType[Any]) -> str:
    """Return the limits of a range: " of at least 1"."""
    low, high = getattr(kind, "min", None), getattr(kind, "max", None)
    if low is not None and high is not None:
        return f" from {low} to {high}"
    if low is not None:
        return f" above {low}" if getattr(kind, "min_open", False) else f" of at least {low}"
    return ""


def _example(parameter: click.Parameter) -> str:
    """Return a value to type: the default, or a value in the range."""
    if isinstance(parameter.default, int | float) and not isinstance(parameter.default, bool):
        return f"{parameter.default:g}"
    if _kind(parameter.type) == _NUMBER:
        return "0.001"
    return str(max(10, getattr(parameter.type, "min", None) or 0))
