"""What quantization did to one activation, in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True, kw_only=True)
class LayerError:
    """One activation of a quantized file against the float one; SQNR in dB, shares between 0 and 1.

    Attributes:
        tensor: its name in the float file.
        op: the operator; empty for an input.
        sources: activations that the operator reads.
        dtype: that it is stored in.
        passes_on: whether it only moves numbers that are rounded already: it adds no error of its own.
        cumulative_sqnr_db: what the file gives, all errors before it included.
        local_sqnr_db: what it would give if only this operator's weights and output were rounded; None if passes_on.
        weights_sqnr_db: likewise its weights alone; None where it has none, or the very same.
        weights_share: of the local error that the weights make.
        clipping_share: of the local error that values beyond the grid make.
        clipped: share of the values that lie beyond the grid.
        used: share of the grid's codes between which 99.9 % of the values lie; None without a grid.
        channels: how many.
        worst_channel: with the largest local error.
        worst_channel_share: of the local error that this one channel makes.
        worst_channel_sqnr_db: its own signal to its own local error.
        channel_spread: largest value of the widest channel / of the middle one.
        output_share: of an output's error that is there if only this layer is rounded; of several outputs, the largest
            share; errors cancel, so that it may be more than 1. None where not measured.
        output_sqnr_db: of that output then.
        output_count: samples that these two were measured on.
        is_output: whether an output of the file has these numbers: such a range is never narrowed.
    """

    tensor: str
    op: str
    sources: tuple[str, ...]
    dtype: str
    passes_on: bool
    cumulative_sqnr_db: float
    local_sqnr_db: float | None
    weights_sqnr_db: float | None
    weights_share: float
    clipping_share: float
    clipped: float
    used: float | None
    channels: int
    worst_channel: int
    worst_channel_share: float
    worst_channel_sqnr_db: float
    channel_spread: float
    output_share: float | None = None
    output_sqnr_db: float | None = None
    output_count: int = 0
    is_output: bool = False

    def record(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the error that `record()` described."""
        return cls(**{**record, "sources": tuple(record["sources"])})
