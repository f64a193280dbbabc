"""The registry of the kinds of inputs, and contracts as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.inputs.contract import Input
from zoo.inputs.features import Features
from zoo.inputs.generated import Random, Zeros
from zoo.inputs.photo import Photo
from zoo.inputs.sound import Sound
from zoo.inputs.tokens import TargetTokens, TokenMask, Tokens, TokenSegments
from zoo.inputs.vector import Vector
from zoo.registry import Registry

KINDS: Registry[type[Input]] = Registry(
    "kind of input",
    {
        kind.kind: kind
        for kind in (Photo, Tokens, TargetTokens, TokenMask, TokenSegments, Vector, Features, Sound, Random, Zeros)
    },
)


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
        kind = KINDS.get(values["kind"])
        if kind is None:
            raise ValueError(f"an input of the unknown kind {values['kind']!r}")
        found[str(name)] = kind.from_record({key: value for key, value in values.items() if key != "kind"})
    return found


def made_up(inputs: Mapping[str, Input]) -> dict[str, Input]:
    """Return the inputs that nobody has to give."""
    return {name: one for name, one in inputs.items() if not one.is_given}
