"""What the samples of a comparison reach: the channels of activations, and the ends of their grids.

A fault in a channel that never changes, or at a cap that nothing reaches, would go unseen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from calibration.samples import Array
from export.formats.session import OperatorErrors


@dataclass
class Reach:
    """Collects the smallest and largest stored number of every channel, operator by operator.

    Attributes:
        ends: smallest and largest numbers (2, channels) by the name of the activation.
        dtypes: type of the numbers by the name of the activation.
    """

    ends: dict[str, Array] = field(default_factory=dict)
    dtypes: dict[str, str] = field(default_factory=dict)

    def add(self, one: OperatorErrors) -> None:
        """Add the outputs of one operator for one sample."""
        if one.stored is None or not one.stored.ndim:
            return
        found = channel_ends(one.stored)
        before = self.ends.get(one.tensor, found)
        self.ends[one.tensor] = np.stack([np.minimum(before[0], found[0]), np.maximum(before[1], found[1])])
        self.dtypes[one.tensor] = one.stored.dtype.name

    def record(self) -> dict[str, Any] | None:
        """Return how many channels vary and how many activations reach both ends of their grids; None without any.

        Of the channels that do not vary, those at the lower end of their grid are counted by activation: behind a relu
        they are zero for all samples. The others are other constants.
        """
        if not self.ends:
            return None
        limits = {name: limits_of(dtype) for name, dtype in self.dtypes.items()}
        varying = {name: int((ends[0] < ends[1]).sum()) for name, ends in self.ends.items()}
        both = [name for name, ends in self.ends.items() if (ends.min(), ends.max()) == limits[name]]
        idle = {name: int((ends[1] == limits[name][0]).sum()) for name, ends in self.ends.items()}
        return {
            "channels": sum(ends.shape[1] for ends in self.ends.values()),
            "channels_that_vary": sum(varying.values()),
            "activations": len(self.ends),
            "activations_at_both_ends": len(both),
            "constant": [_short(name) for name, count in varying.items() if not count],
            "idle": {_short(name): [count, self.ends[name].shape[1]] for name, count in idle.items() if count},
        }


def ends_of(stored: Mapping[str, Array]) -> dict[str, Array]:
    """Return the smallest and largest number (2, channels) of every channel of the activations, by name."""
    return {name: channel_ends(one) for name, one in stored.items() if one.ndim}


def channel_ends(stored: Array) -> Array:
    """Return the smallest and largest number (2, channels) of stored numbers (..., channels)."""
    rows = stored.reshape(-1, stored.shape[-1])
    return np.stack([rows.min(axis=0), rows.max(axis=0)])


def limits_of(dtype: str) -> tuple[int, int]:
    """Return the smallest and largest number of an integer type."""
    info = np.iinfo(dtype)
    return int(info.min), int(info.max)


def _short(name: str) -> str:
    return name.split(";")[0]
