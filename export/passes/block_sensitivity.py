"""Which matrices stay at 8 bits: those whose rounding to 4 bits costs the outputs most for their size.

Matrices of one role have names that differ in their numbers only, such as "block_0_value" and "block_1_value"; they
are measured together, because the loss of a single matrix is small beside the chance of few texts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from calibration.samples import Array, Samples
from export.formats import blocks
from export.model import reference

if TYPE_CHECKING:
    import keras

Loss = Callable[[Mapping[str, Array], Mapping[str, Array]], float]  # expected and actual outputs -> error

MOST_SAMPLES = 8
# Share of the weights of all matrices that may stay at 8 bits; all of them would be 4/3 of the size at 4 bits.
LARGEST_SHARE = 1 / 3
MOST_ROLES = 12


@dataclass(frozen=True, kw_only=True)
class Sensitivity:
    """The matrices of one role.

    Attributes:
        layers: names of the layers.
        size: number of weights.
        loss: of the outputs, if these matrices alone are rounded to nearest.
    """

    layers: tuple[str, ...]
    size: int
    loss: float


def measured(
    model: keras.Model, matrices: Mapping[str, keras.Layer], samples: Samples, loss: Loss
) -> dict[str, Sensitivity]:
    """Return the sensitivity of every role; the weights of the model are the same afterwards."""
    some = samples.take(np.linspace(0, len(samples) - 1, min(MOST_SAMPLES, len(samples)), dtype=np.int64))
    expected, found = reference.outputs(model, some), {}
    for role, names in _roles(matrices).items():
        before = {name: matrices[name].kernel.numpy() for name in names}
        try:
            for name, kernel in before.items():
                matrices[name].kernel.assign(blocks.nearest(kernel.T).values.T)
            error = loss(expected, reference.outputs(model, some))
        finally:
            for name, kernel in before.items():
                matrices[name].kernel.assign(kernel)
        size = sum(kernel.size for kernel in before.values())
        found[role] = Sensitivity(layers=tuple(names), size=size, loss=error)
    return found


def chosen(found: Mapping[str, Sensitivity]) -> frozenset[str]:
    """Return the names of the layers that stay at 8 bits: the roles of the largest loss together that the size allows.

    Of many roles, all combinations of the `MOST_ROLES` with the largest loss per weight are compared.
    """
    room = LARGEST_SHARE * sum(one.size for one in found.values())
    roles = sorted(found.values(), key=lambda one: one.loss / one.size, reverse=True)[:MOST_ROLES]
    sets = (some for count in range(len(roles) + 1) for some in combinations(roles, count))
    best = max((some for some in sets if sum(one.size for one in some) <= room), key=_total)
    return frozenset(name for one in best for name in one.layers)


def _total(roles: Collection[Sensitivity]) -> float:
    return sum(one.loss for one in roles)


def _roles(names: Collection[str]) -> dict[str, list[str]]:
    roles: dict[str, list[str]] = {}
    for name in names:
        roles.setdefault(re.sub(r"\d+", "*", name), []).append(name)
    return roles
