"""Wrong ranges of activations, in the file or in the planned ranges."""

from __future__ import annotations

from dataclasses import replace

from calibration.ranges import Ranges
from export.formats import FORMATS, PRIMARY
from export.quantization.build import plan
from export.quantization.tensor_map import clippable
from export.scheme import INT8
from tests.faults.networks import Key, Network, Planted

LEFT = 0.3  # of what was planned


def cut_in_the_file(network: Network, key: Key) -> Planted:
    """Give one activation's grid a third of its planned range."""
    planned = plan(network.right, network.base, INT8, {})
    content = PRIMARY.quantize(network.base.content.read(), replace(planned, ranges=_cut(network)), {})
    if key[0] != PRIMARY.name:
        content = FORMATS[key[0]].quantize(network.base.content.read(), planned, {PRIMARY.name: content})
    return Planted(contents={key: content})


def cut_in_the_plan(network: Network, _key: Key) -> Planted:
    """Choose a third of the right range for one activation."""
    return Planted(ranges=_cut(network), remade=True)


def _cut(network: Network) -> Ranges:
    """Return the right ranges, cut for an activation in the middle and for the operators that only move it."""
    assert network.base.observation is not None
    ranges = network.base.ranges(INT8)
    names = list(clippable(network.base.tensor_map))
    right = ranges.by_tensor[names[len(names) // 2]]
    cut = {name: (right[0] * LEFT, right[1] * LEFT) for name, one in ranges.by_tensor.items() if one == right}
    return replace(ranges, by_tensor={**ranges.by_tensor, **cut})
