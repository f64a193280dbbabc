"""Ranges of activations that go wrong: in the file, or in the plan that it is made to."""

from __future__ import annotations

from dataclasses import replace

from calibration.ranges import Ranges
from export.formats import FORMATS, PRIMARY
from export.recipe import Precision
from tests.faults.networks import Key, Network, Planted

LEFT = 0.3  # of what was planned


def cut_in_the_file(network: Network, key: Key) -> Planted:
    """Give one activation's grid a third of its planned range."""
    making = network.right.making
    plan = making.plan(Precision.INT8)
    parent = making.parent(PRIMARY, Precision.INT8)
    content = PRIMARY.quantize(parent, replace(plan, ranges=_cut(network)), {})
    if key[0] != PRIMARY.name:
        content = FORMATS[key[0]].quantize(parent, plan, {PRIMARY.name: content})
    return Planted(contents={key: content})


def cut_in_the_plan(network: Network, _key: Key) -> Planted:
    """Choose a third of the right range for one activation."""
    return Planted(ranges=_cut(network), remade=True)


def _cut(network: Network) -> Ranges:
    """Return the right ranges, those of an activation in the middle cut, and of what only moves its numbers."""
    assert network.healthy
    making = network.right.making
    ranges = making.observed_ranges(Precision.INT8)
    names = list(making.observation(making.observed_file(Precision.INT8)).fingerprints)
    right = ranges.by_tensor[names[len(names) // 2]]
    cut = {name: (right[0] * LEFT, right[1] * LEFT) for name, one in ranges.by_tensor.items() if one == right}
    return replace(ranges, by_tensor={**ranges.by_tensor, **cut})
