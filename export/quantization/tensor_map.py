"""The tensor map: the Keras layer whose output each tensor of a float file is, found by comparing values.

A converter fuses, renames and drops layers, so names are no evidence. For the same sample, a tensor holds the output of
its layer up to float rounding.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from calibration.fingerprint import Fingerprint
from calibration.samples import Samples
from export import process
from export.model.layer_outputs import LayerCall, layer_calls, layer_of
from export.runtime.jobs.observe import COUNT, fingerprints

if TYPE_CHECKING:
    import keras

# Largest difference, relative to the layer's largest output, from float32 summation order; parity measures 1e-6.
SAME = 1e-4
# Of several layers that agree, only those about as near as the nearest are candidates: an untrained batch norm differs
# from its input by 5e-6, rounding by 1e-7.
AS_NEAR = 8.0
ROUNDING = 2.0**-23

Prints = Sequence[Fingerprint]  # of one activation, for each of the first samples


@dataclass(frozen=True, kw_only=True)
class FileTensors:
    """The activations of a float file.

    Attributes:
        fingerprints: by the tensor's name, in the order of the graph.
        sources: names of the tensors that each tensor is computed from.
    """

    fingerprints: Mapping[str, Prints]
    sources: Mapping[str, Sequence[str]]

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return what a job of `export.runtime.jobs.observe` found."""
        prints = {name: tuple(map(Fingerprint.from_record, rows)) for name, rows in record["fingerprints"].items()}
        return cls(fingerprints=prints, sources=record["sources"])


@dataclass(frozen=True, kw_only=True)
class Attribution:
    """The layer of the Keras model that a tensor belongs to.

    Attributes:
        tensor: its name in the float file.
        call: the layer call (`LayerCall.name`) whose output or intermediate value it is; None if unknown.
        group: names of all calls that the file computes in one operator with this result, `call` last; empty if the
            tensor is no layer's output.
        weighted: the calls of the group, or `call`, whose layer has weights.
        equal: names of all calls with these values, in the order of the model.
        is_edge: whether the model has an input or output with these values.
    """

    tensor: str
    call: str | None
    group: tuple[str, ...] = ()
    weighted: tuple[str, ...] = ()
    equal: tuple[str, ...] = ()
    is_edge: bool = False

    @property
    def matched(self) -> bool:
        """Whether the tensor is the output of a layer."""
        return bool(self.group)

    @property
    def layer(self) -> str | None:
        """The Keras layer to report: the first of the group that has weights, or else the last."""
        named = self.weighted[0] if self.weighted else self.call
        return layer_of(named) if named is not None else None

    @property
    def name(self) -> str:
        """The name in tables: the layer's, numbered if it is called several times, or else the tensor's."""
        if self.call is None:
            return short(self.tensor)
        named = self.weighted[0] if self.weighted else self.call
        return named if self.matched else f"{named} ({short(self.tensor).rsplit('/', 1)[-1]})"


def attribute(file: FileTensors, calls: Sequence[LayerCall]) -> dict[str, Attribution]:
    """Return the attribution of each tensor of a float file.

    Args:
        file: its tensors.
        calls: layer calls of the model on the same samples, in topological order.
    """
    prints = {
        call.name: [Fingerprint.of(row) for row in call.output]
        for call in calls
        if np.issubdtype(call.output.dtype, np.floating) and call.output.size
    }
    candidates = {tensor: _equal(own, prints) for tensor, own in file.fingerprints.items()}
    # A layer that passes its input on (Dropout, Flatten, a folded batch norm) has no operator of its own.
    computed = {name for found in candidates.values() for name in found}
    chosen: dict[str, str] = {}
    for tensor, found in candidates.items():
        if found:
            chosen[tensor] = _best(tensor, found, set(chosen.values()))
    by_name = {call.name: call for call in calls}
    given = set(chosen.values())
    # Unless the layer with weights comes after it: the converter names such an operator after the folded batch norm.
    hidden = {
        tensor: {call for call in found if by_name[call].has_weights and call not in given}
        for tensor, found in candidates.items()
    }
    groups = {
        tensor: _group(name, by_name, (computed - set(candidates[tensor] if hidden[tensor] else ())) | given)
        for tensor, name in chosen.items()
    }
    enclosing = _enclosing(candidates, chosen, file.sources)
    return {
        tensor: Attribution(
            tensor=tensor,
            call=chosen.get(tensor) or (chosen[enclosing[tensor]] if tensor in enclosing else None),
            group=groups.get(tensor, ()),
            weighted=tuple(call for call in groups.get(enclosing.get(tensor, tensor), ()) if by_name[call].has_weights),
            equal=tuple(equal),
            is_edge=any(by_name[call].is_edge for call in equal),
        )
        for tensor, equal in candidates.items()
    }


def short(tensor: str) -> str:
    """Return the first part of a tensor's name; the converter lists all fused layers, separated by semicolons."""
    return tensor.split(";")[0]


def _equal(own: Prints, calls: Mapping[str, Prints]) -> list[str]:
    """Return the calls whose output has these values in any shape."""
    distances = {name: _distance(prints, own) for name, prints in calls.items()}
    nearest = max(min(distances.values(), default=0.0), ROUNDING)
    return [name for name, distance in distances.items() if distance <= min(SAME, AS_NEAR * nearest)]


def _distance(reference: Prints, actual: Prints) -> float:
    """Return the largest difference on any sample, relative to the largest value of the reference on that sample."""
    if len(reference) != len(actual):
        return math.inf
    return max(one.distance(other) for one, other in zip(reference, actual, strict=True))


def _best(tensor: str, found: Sequence[str], taken: set[str]) -> str:
    """Return the unused call that the tensor's name mentions, or else the first candidate."""
    words = re.split("[/;:]", tensor)
    # TensorFlow appends a number to repeated names.
    order = {word: -place for place, word in reversed([*enumerate(re.sub(r"_\d+$", "", word) for word in words)])}
    order |= {word: -place for place, word in reversed([*enumerate(words)])}

    def rank(name: str) -> tuple[bool, bool, int]:
        place = order.get(layer_of(name).rsplit("/", 1)[-1])
        return name not in taken, place is not None, place or 0

    return max(found, key=rank)  # the first of equal ones


def _group(name: str, calls: Mapping[str, LayerCall], before: set[str]) -> tuple[str, ...]:
    """Return the calls between the tensors `before` and this one, in the order of the model."""
    group, todo = {name}, list(calls[name].sources)
    while todo:
        source = todo.pop()
        if source not in before and source not in group:
            group.add(source)
            todo += calls[source].sources
    return tuple(call for call in calls if call in group)


def _enclosing(
    tensors: Collection[str], chosen: Mapping[str, str], sources: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    """Return for each tensor that is no layer's output the only tensor computed from it, if there is exactly one."""
    readers: dict[str, list[str]] = {tensor: [] for tensor in tensors}
    for tensor, read in sources.items():
        for source in read:
            readers.setdefault(source, []).append(tensor)
    found = {}
    for tensor in tensors:
        ends, seen, todo = set(), set(), [] if tensor in chosen else list(readers[tensor])
        while todo:
            reader = todo.pop()
            if reader in chosen:
                ends.add(reader)
            elif reader not in seen:
                seen.add(reader)
                todo += readers.get(reader, [])
        if len(ends) == 1:
            found[tensor] = ends.pop()
    return found


def clippable(tensor_map: Mapping[str, Attribution]) -> dict[str, tuple[str, ...]]:
    """Return the calls with the values of each tensor whose range may be narrowed: not of inputs and outputs."""
    return {tensor: one.equal for tensor, one in tensor_map.items() if one.equal and not one.is_edge}


def mapped(model: keras.Model, file: FileTensors, samples: Samples) -> dict[str, Attribution]:
    """Return the attribution of each activation of a float file, by the tensor's name.

    Args:
        model: the model that the file was converted from.
        file: its tensors on the first of the samples.
        samples: the samples.
    """
    return attribute(file, layer_calls(model, {name: np.asarray(one[:COUNT]) for name, one in samples.inputs.items()}))


def attributed(model: keras.Model, path: Path, samples: Samples, folder: Path) -> dict[str, Attribution]:
    """Run a float file in the primary format on the first samples and return what `mapped` returns for it.

    Args:
        model: the model that the file was converted from.
        path: of the file.
        samples: two or more.
        folder: where the samples are saved.

    Raises:
        RuntimeCrashError: the runtime cannot load or run the file.
        UsageProblemError: the file has a loop, whose tensors cannot be read.
    """
    return mapped(model, FileTensors.from_record(process.call(fingerprints, path=path, samples=folder)), samples)
