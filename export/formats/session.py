"""What a runtime offers once a file is loaded: the one interface that proof, benches and `zoo run` use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from calibration.observers import Update
from calibration.samples import Array, Samples
from export.model.tensor_spec import TensorSpec


class Session(Protocol):
    """A loaded file. Importing a session must not import TensorFlow."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the stored outputs by name for stored inputs by name, batch 1."""
        ...


class Watcher(Protocol):
    """A loaded float file that shows every activation.

    Attributes:
        edges: names of the activations that are inputs or outputs of the file.
        steps: how the activations are made, in the order in which they run.
    """

    edges: frozenset[str]
    steps: tuple[Step, ...]

    def watch(self, samples: Samples, update_of: Callable[[int], Update]) -> None:
        """Run all samples and hand every activation of the one at `index` to `update_of(index)(name, values)`.

        It must not keep the values. All samples of one activation come in order.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Step:
    """One activation of a file and how it is made.

    Attributes:
        tensor: its name.
        op: the operator that makes it; empty for an input.
        sources: names of the activations that the operator reads.
    """

    tensor: str
    op: str
    sources: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class OpCount:
    """How often an operator occurs in a file, by the numbers it works on."""

    op: str
    arithmetic: str  # "integer" (8 bits), "int16" (activations of 16), "float" or "none" (moves or relabels data)
    count: int


@dataclass(frozen=True, kw_only=True)
class StorageReport:
    """How far a file's stored constants lie from the float ones that it was made of.

    Attributes:
        worst_steps: in steps of the constant's own grid; rounding costs at most half a step.
        where: the constant with the largest error.
        constants: how many were compared.
    """

    worst_steps: float
    where: str
    constants: int


@dataclass(frozen=True, kw_only=True)
class RangeReport:
    """How far a file's grids fall short of the ranges that were planned for its activations.

    Attributes:
        worst_share: what is missing at most, as a share of the planned width.
        where: the activation that lacks it.
        activations: how many were compared.
    """

    worst_share: float
    where: str
    activations: int
