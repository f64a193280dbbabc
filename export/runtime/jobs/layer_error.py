"""The quantization error of one activation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True, kw_only=True)
class LayerError:
    """The errors of one activation of a quantized file against the float file; shares are between 0 and 1.

    Attributes:
        tensor: name in the float file.
        op: the operator; empty for an input.
        sources: activations that the operator reads.
        dtype: stored type.
        passes_on: whether the operator only moves values that are already rounded, so that it adds no error.
        cumulative_sqnr_db: SQNR in the file, with all errors before this activation.
        local_sqnr_db: SQNR if only this operator's weights and output were rounded; None if `passes_on`.
        weights_sqnr_db: SQNR if only its weights were rounded; None if it has no weights or their error is zero.
        weights_share: share of the local error that the weights cause.
        clipping_share: share of the local error that clipping causes.
        clipped: share of the values outside the range of the grid.
        used: share of the grid's codes that covers 99.9 % of the values; None without a grid.
        channels: number of channels.
        worst_channel: the channel with the largest local error.
        worst_channel_share: share of the local error that this channel causes.
        worst_channel_sqnr_db: SQNR of this channel alone.
        channel_spread: largest value of the widest channel divided by that of the median channel.
        output_share: share of an output's error if only this layer is rounded, the maximum over the outputs; may
            exceed 1, because errors cancel. None if not measured.
        output_sqnr_db: SQNR of that output if only this layer is rounded.
        output_count: number of samples for the two output values.
        is_output: whether the activation is an output of the file, whose range is never narrowed.
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
        """Return the error from a record that `record()` returned."""
        return cls(**{**record, "sources": tuple(record["sources"])})
