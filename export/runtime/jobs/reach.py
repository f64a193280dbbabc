"""What the samples of a comparison reach: the channels of activations, and the ends of their grids.

A fault in a channel that never changes, or at a cap that nothing reaches, would go unseen.
"""

from __future__ import annotations

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
        limits: smallest and largest number of its type.
    """

    ends: dict[str, Array] = field(default_factory=dict)
    limits: dict[str, tuple[int, int]] = field(default_factory=dict)

    def add(self, one: OperatorErrors) -> None:
        """Add the outputs of one operator for one sample."""
        if one.stored is None or not one.stored.ndim:
            return
        rows = one.stored.reshape(-1, one.stored.shape[-1])
        found = np.stack([rows.min(axis=0), rows.max(axis=0)])
        before = self.ends.get(one.tensor, found)
        self.ends[one.tensor] = np.stack([np.minimum(before[0], found[0]), np.maximum(before[1], found[1])])
        info = np.iinfo(one.dtype)
        self.limits[one.tensor] = int(info.min), int(info.max)

    def record(self) -> dict[str, Any] | None:
        """Return how many channels vary and how many activations reach both ends of their grids; None without any."""
        if not self.ends:
            return None
        varying = {name: int((ends[0] < ends[1]).sum()) for name, ends in self.ends.items()}
        both = [name for name, ends in self.ends.items() if (ends.min(), ends.max()) == self.limits[name]]
        constant = [name.split(";")[0] for name, count in varying.items() if not count]
        return {
            "channels": sum(ends.shape[1] for ends in self.ends.values()),
            "channels_that_vary": sum(varying.values()),
            "activations": len(self.ends),
            "activations_at_both_ends": len(both),
            "constant": constant,
        }
