"""The memory, the work and the operators that a file needs on a microcontroller."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from export.units import count_in_words, size_in_words

MARGIN, ROUNDED_BYTES = 0.05, 1024  # other kernels, such as those of CMSIS-NN, use more memory than the plain ones


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """What a file needs.

    Attributes:
        activations_bytes: the block that holds all tensors and scratch buffers, as the runtime places them.
        persistent_bytes: an estimate from above of what the runtime keeps between two inferences.
        planning_bytes: what it needs while it places them, before the first inference, in the place of the activations.
        flash_bytes: the file, which stays in flash; the code of the runtime is not counted.
        macs: products of one inference.
        has_floats: whether an operator computes in float, which processors round differently.
        kernels: the methods that add the operators of the file to the runtime.
        lacking: operators of the file that the runtime does not have.
    """

    activations_bytes: int
    persistent_bytes: int
    planning_bytes: int
    flash_bytes: int
    macs: int
    has_floats: bool
    kernels: tuple[str, ...]
    lacking: tuple[str, ...]

    @property
    def arena_bytes(self) -> int:
        """The block of RAM that the runtime needs."""
        return max(self.activations_bytes, self.planning_bytes) + self.persistent_bytes

    @property
    def given_bytes(self) -> int:
        """The block of RAM that it gets: with a margin, in whole kilobytes of 1024."""
        return math.ceil(self.arena_bytes * (1 + MARGIN) / ROUNDED_BYTES) * ROUNDED_BYTES


def in_words(facts: Mapping[str, Any]) -> str:
    """Return a sentence about a file on a microcontroller; `facts` are those of `zoo inspect`."""
    if facts["lacking"]:
        return f"no microcontroller runs it: TensorFlow Lite Micro lacks {', '.join(facts['lacking'])}"
    ram, flash = (size_in_words(facts[name]) for name in ("arena_bytes", "flash_bytes"))
    return f"on a microcontroller: {ram} of RAM (arena), {flash} of flash, {count_in_words(facts['macs'])} MACs"


@dataclass(frozen=True, kw_only=True)
class NamedOperator:
    """An operator of a file.

    Attributes:
        name: what it computes.
        output: name of its first output.
    """

    name: str
    output: str
