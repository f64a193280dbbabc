"""Entry points: the functions of one network that a file offers, which share its weights.

A network that turns a photo into classes has one, "serve". A decoder has "prefill", which reads a whole prompt, and
"decode", which reads one token; the state says which output of one step is which input of the next.

Where there are several, inputs and outputs are named "ENTRY/NAME" in samples, manifests and checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

SERVE = "serve"


@dataclass(frozen=True, kw_only=True, eq=False)
class EntryPoint:
    """One function of a network.

    Attributes:
        model: with static shapes; it shares its layers with the network.
        state: its inputs that hold what another step left: input name -> "ENTRY/OUTPUT".
    """

    model: keras.Model
    state: Mapping[str, str] = field(default_factory=dict)


def name_of(entry: str, name: str) -> str:
    """Return what an input or output of an entry point is called beside those of the others."""
    return name if entry == SERVE else f"{entry}/{name}"


def of_entry(entry: str, name: str) -> str | None:
    """Return the name inside of the entry point; None if it belongs to another."""
    if entry == SERVE:
        return name
    return name.removeprefix(f"{entry}/") if name.startswith(f"{entry}/") else None
