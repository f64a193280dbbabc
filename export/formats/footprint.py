"""The memory, the work and the operators that a file needs on a microcontroller."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """What a file needs.

    Attributes:
        activations_bytes: the block that holds all tensors and scratch buffers, as the runtime places them.
        persistent_bytes: an estimate from above of what the runtime keeps between two inferences.
        planning_bytes: what it needs while it places them, before the first inference, in the place of the activations.
        flash_bytes: the file, which stays in flash; the code of the runtime is not counted.
        macs: products of one inference.
        kernels: the methods that add the operators of the file to the runtime.
        lacking: operators of the file that the runtime does not have.
    """

    activations_bytes: int
    persistent_bytes: int
    planning_bytes: int
    flash_bytes: int
    macs: int
    kernels: tuple[str, ...]
    lacking: tuple[str, ...]

    @property
    def arena_bytes(self) -> int:
        """The block of RAM that the runtime gets."""
        return max(self.activations_bytes, self.planning_bytes) + self.persistent_bytes


@dataclass(frozen=True, kw_only=True)
class NamedOperator:
    """An operator of a file.

    Attributes:
        name: what it computes.
        output: name of its first output.
    """

    name: str
    output: str
