"""Scale and shift channels to similar ranges, so that 8 bits per tensor suffice; the float outputs stay the same.

In a tensor with one scale for all channels, channels of small range lose most of their bits. Here the layer that
computes a channel scales it, and the layers that read it divide by that scale (see channels/scalable.py). A channel
without ReLU or padding before its readers is also shifted to a mean of zero, which the readers' biases compensate. The
shift generalises the absorption of high biases in Nagel et al. 2019, section 4.1.3.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from calibration.samples import Samples
from export.model.graph import copy
from export.passes import PassRecord, PassResult
from export.passes.channels.ranges import ChannelRange, channel_ranges
from export.passes.channels.scalable import Channels, Group, Role
from export.passes.fitting.convolutions import kind_of
from export.passes.fitting.product import Kind

if TYPE_CHECKING:
    import keras

Floats = NDArray[np.float64]

NAME = "equalize"

# Limit of a channel's scale: channels of tiny range hold nearly nothing, and weights must stay in float32's range.
LARGEST_SCALE = 100.0

# Quantile of the channels' ranges that counts as a large range.
LARGE_QUANTILE = 0.9


@dataclass(frozen=True, kw_only=True)
class Equalize:
    """The equalization pass, for a flat functional model with folded batch norms.

    Attributes:
        strength: 0 leaves the channels unchanged, 1 gives all of them the same range.
        margin: factor between a channel's largest observed value and the cap of its activation (ReLU6), because few
            samples do not show the largest possible value.
        tested_margin: cross-check with a smaller margin: scales found on one half of the samples must not clip values
            of the other half. A group that fails has values without a clear limit and stays unchanged.
        samples: number of calibration samples, chosen at random.
        seed: random seed of that choice.
    """

    strength: float = 0.5
    margin: float = 2.0
    tested_margin: float = 1.5
    samples: int = 32
    seed: int = 0

    def __call__(self, model: keras.Model, samples: Samples) -> PassResult:
        """Return the model with equalized weights and the same outputs."""
        start = time.perf_counter()
        channels = Channels(model)
        groups = list(channels.groups())
        halves = self._seen(model, groups, samples)
        ranges = {key: one.merged(halves[1][key]) for key, one in halves[0].items()}
        change = _Change(offsets=_offsets(channels, ranges))
        for group in groups:
            scale = self._scale(channels, group, ranges, change.offsets, self.margin)
            if group.cap < math.inf and self._cuts(channels, group, halves):
                scale = np.ones_like(scale)
            change.scales.update({id(tensor): scale for tensor in group.tensors})
        scaled = [group for group in groups if (change.scales[id(group.tensors[0])] != 1).any()]
        record = PassRecord(
            name=NAME,
            parameters=asdict(self),
            exact=all(group.cap == math.inf for group in scaled),
            seconds=round(time.perf_counter() - start, 2),
            layers=tuple(layer.name for group in scaled for layer in group.makers),
        )
        return PassResult(_changed(model, channels, change), record)

    def _seen(self, model: keras.Model, groups: Sequence[Group], samples: Samples) -> list[Mapping[int, ChannelRange]]:
        """Return the channel ranges on two halves of the chosen samples; a single sample is used for both."""
        wanted = [tensor for group in groups for tensor in group.tensors]
        if not wanted:
            return [{}, {}]
        # Random rather than every third sample, which would always come from the same of three alternating photos.
        chosen = np.random.default_rng(self.seed).permutation(len(samples))[: self.samples]
        halves = np.array_split(chosen, 2) if len(chosen) > 1 else [chosen, chosen]
        return [channel_ranges(model, samples.take(half), wanted) for half in halves]

    def _scale(
        self,
        channels: Channels,
        group: Group,
        ranges: Mapping[int, ChannelRange],
        offsets: Mapping[int, Floats],
        margin: float,
    ) -> Floats:
        """Return the scale (channels,) of a group: 1 for the channel of largest range, more for the others."""
        stored = [tensor for tensor in group.tensors if channels.is_stored(tensor)]
        extents = [ranges[id(tensor)].extent(offsets.get(id(tensor))) for tensor in stored]
        tiny = float(np.finfo(np.float32).tiny)
        shares = [extent / max(float(extent.max()), tiny) for extent in extents]
        relative = np.maximum(np.max(shares, axis=0), 1 / LARGEST_SCALE)
        scale: Floats = (relative.max() / relative) ** self.strength
        if group.cap < math.inf:
            largest = np.maximum(np.max(extents, axis=0), tiny)
            # A channel of small range here may reach a large one on other samples, for example if it detects one class.
            reach = np.maximum(margin * largest, np.quantile(largest, LARGE_QUANTILE))
            scale = np.clip(group.cap / reach, 1.0, scale)
        return scale

    def _cuts(self, channels: Channels, group: Group, halves: Sequence[Mapping[int, ChannelRange]]) -> bool:
        """Return whether scales found on one half of the samples would clip values of the other half."""
        for seen, unseen in (halves, halves[::-1]):
            scale = self._scale(channels, group, seen, {}, self.tested_margin)
            for tensor in group.capped:
                if (np.minimum(unseen[id(tensor)].high, group.cap) * scale > group.cap).any():
                    return True
        return False


@dataclass
class _Change:
    """Offsets to subtract from channels and scales to multiply them by afterwards, by tensor id."""

    offsets: dict[int, Floats]
    scales: dict[int, Floats] = field(default_factory=dict)


def _offsets(channels: Channels, ranges: Mapping[int, ChannelRange]) -> dict[int, Floats]:
    """Return the offsets by tensor id: the means of linear layers' outputs, propagated through later operators."""
    offsets: dict[int, Floats] = {}
    for node in channels.graph.nodes:
        (result, *_), role = node.outputs, channels.role(node)
        if not channels.is_movable(result) or id(result) not in ranges:
            continue
        if role is Role.WEIGHS:
            if _is_linear(node.operation):
                offsets[id(result)] = ranges[id(result)].mean
        elif role in (Role.KEEPS, Role.ADDS):
            known = [offsets[id(tensor)] for tensor in node.input_tensors if id(tensor) in offsets]
            if known:
                offsets[id(result)] = np.sum(known, axis=0)
    return offsets


def _changed(model: keras.Model, channels: Channels, change: _Change) -> keras.Model:
    nodes = {
        id(node.operation): node
        for node in channels.graph.nodes
        if channels.role(node) is Role.WEIGHS
        and any(id(tensor) in change.scales for tensor in (*node.input_tensors, *node.outputs))
    }

    def replaced(layer: keras.Layer) -> keras.Layer | None:
        if id(layer) not in nodes:
            return None
        return type(layer).from_config({**layer.get_config(), "use_bias": True})

    new, others = copy(model, replaced)
    for key, layer in others.items():
        layer.set_weights(_weights(nodes[key], change))
    return new


def _weights(node: Any, change: _Change) -> list[NDArray[np.float32]]:
    """Return kernel and bias of a layer for scaled and shifted input and output channels."""
    layer, (source,), (result,) = node.operation, node.input_tensors, node.outputs
    kernel = np.asarray(layer.kernel, np.float64)
    bias = np.asarray(layer.bias, np.float64) if layer.use_bias else np.zeros(result.shape[-1])
    is_depthwise = kind_of(layer) is Kind.DEPTHWISE
    taken = kernel.reshape(-1, *kernel.shape[-2:]).sum(axis=0)  # response to a constant input, (inputs, outputs)
    if (offset := change.offsets.get(id(source))) is not None:
        bias = bias + ((taken * offset[:, None]).reshape(-1) if is_depthwise else offset @ taken)
    if (scale := change.scales.get(id(source))) is not None:
        kernel = kernel / scale[:, None]
    if (offset := change.offsets.get(id(result))) is not None:
        bias = bias - offset
    if (scale := change.scales.get(id(result))) is not None:
        kernel = kernel * (scale.reshape(kernel.shape[-2:]) if is_depthwise else scale)
        bias = bias * scale
    return [kernel.astype(np.float32), bias.astype(np.float32)]


def _is_linear(layer: keras.Layer) -> bool:
    import keras

    return layer.activation is keras.activations.linear
