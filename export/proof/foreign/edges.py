"""Match the inputs and outputs of a file of any maker to the model's: by name, by shape, by order or by values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from calibration.samples import Array
from export.model.tensor_spec import TensorSpec
from zoo.errors import UsageProblemError

# What converters add to the names of tensors.
_ADDED = re.compile(r"^serving_default_|:\d+$|_(u?int8|float32)$")

# Beyond so many outputs of one shape, all orders are not tried.
MOST_PERMUTED = 6


@dataclass(frozen=True, kw_only=True)
class Edge:
    """One input or output of the model, and the file's.

    Attributes:
        name: in the model.
        file_name: in the file.
        axes: the model's axes in the order of the file; None if the order is the same.
        shape: in the file, with a batch of 1.
        model_shape: in the model, with a batch of 1.
        how: how it was matched: "name", "shape", "order" or "values".
    """

    name: str
    file_name: str
    axes: tuple[int, ...] | None
    shape: tuple[int, ...]
    model_shape: tuple[int, ...]
    how: str

    def to_file(self, values: Array) -> Array:
        """Return rows (N, ...) of the model in the layout of the file."""
        turned = values if self.axes is None else values.transpose(self.axes)
        return np.ascontiguousarray(turned.reshape(len(values), *self.shape[1:]))

    def to_model(self, values: Array) -> Array:
        """Return rows (N, ...) of the file in the layout of the model."""
        if self.axes is None:
            return values.reshape(len(values), *self.model_shape[1:])
        turned = values.reshape(len(values), *(self.model_shape[axis] for axis in self.axes[1:]))
        return turned.transpose(np.argsort(self.axes))

    def in_words(self, kind: str) -> str:
        """Return a sentence on an input or output that differs from the model's; empty if it does not."""
        turned = ", fed with the channels first" if kind == "input" else ", whose channels come first"
        layout = turned if self.axes is not None else ""
        if self.how == "name":
            return f"{kind} {self.name}{layout.replace(',', ' is', 1)}" if layout else ""
        return f"{kind} {self.name} of the model is {self.file_name} in the file, matched by {self.how}{layout}"


def matched(
    kind: str, model: Sequence[TensorSpec], file: Sequence[TensorSpec], values: tuple[Mapping[str, Array], ...] = ()
) -> tuple[Edge, ...]:
    """Return the file's input or output for each of the model's.

    Args:
        kind: "input" or "output", for messages.
        model: the model's, with a static batch of 1.
        file: the file's.
        values: the model's and the file's outputs, (N, ...) by name, to tell outputs of one shape apart.

    Raises:
        UsageProblemError: their number or their shapes do not fit.
    """
    if len(model) != len(file):
        raise UsageProblemError(
            f"the file has {_listed(kind, file)}, the model {_listed(kind, model)}; type --model with the model that "
            "the file was made from"
        )
    by_name = _by_name(model, file)
    if by_name is not None:
        return by_name
    unique = _by_shape(model, file)
    if unique is not None:
        return unique
    in_order = [_edge(one, other, "order") for one, other in zip(model, file, strict=True)]
    if values and len(model) <= MOST_PERMUTED and (found := _by_values(model, file, *values)) is not None:
        return found
    if any(edge is None for edge in in_order):
        raise UsageProblemError(
            f"the file's {kind}s do not fit the model's: the file has {_listed(kind, file)}, the model "
            f"{_listed(kind, model)}; type --model with the model that the file was made from"
        )
    return tuple(edge for edge in in_order if edge is not None)


def _by_name(model: Sequence[TensorSpec], file: Sequence[TensorSpec]) -> tuple[Edge, ...] | None:
    known = {_plain(spec.name): spec for spec in file}
    if len(known) != len(file) or {_plain(spec.name) for spec in model} != known.keys():
        return None
    edges = [_edge(spec, known[_plain(spec.name)], "name") for spec in model]
    return None if any(edge is None for edge in edges) else tuple(edge for edge in edges if edge is not None)


def _by_shape(model: Sequence[TensorSpec], file: Sequence[TensorSpec]) -> tuple[Edge, ...] | None:
    fitting = [[edge for other in file if (edge := _edge(spec, other, "shape"))] for spec in model]
    names = {found[0].file_name for found in fitting if len(found) == 1}
    if any(len(found) != 1 for found in fitting) or len(names) != len(model):
        return None
    return tuple(found[0] for found in fitting)


def _by_values(
    model: Sequence[TensorSpec],
    file: Sequence[TensorSpec],
    expected: Mapping[str, Array],
    found: Mapping[str, Array],
) -> tuple[Edge, ...] | None:
    """Return the order of the file's outputs that is nearest to the model's."""
    best, least = None, np.inf
    for order in permutations(file):
        edges = [_edge(one, other, "values") for one, other in zip(model, order, strict=True)]
        known = [edge for edge in edges if edge is not None]
        if len(known) < len(model):
            continue
        total = sum(_distance(expected[edge.name], edge.to_model(found[edge.file_name])) for edge in known)
        if total < least:
            best, least = tuple(known), total
    return best


def _distance(expected: Array, found: Array) -> float:
    """Return the error relative to the reference, at most 2, so that no single output decides alone."""
    one, other = expected.astype(np.float64), found.astype(np.float64)
    signal = float(np.linalg.norm(one)) or 1.0
    share = float(np.linalg.norm(one - other)) / signal
    return min(share, 2.0) if np.isfinite(share) else 2.0


def _edge(model: TensorSpec, file: TensorSpec, how: str) -> Edge | None:
    """Return the edge if the shapes fit: equal, channels first, or equal but for axes of size 1."""
    rank = len(model.shape)
    turned = (0, rank - 1, *range(1, rank - 1))
    axes: tuple[int, ...] | None = None
    if [size for size in model.shape if size != 1] != [size for size in file.shape if size != 1]:
        if rank < 3 or tuple(model.shape[axis] for axis in turned) != file.shape:
            return None
        axes = turned
    return Edge(
        name=model.name, file_name=file.name, axes=axes, shape=file.shape, model_shape=tuple(model.shape), how=how
    )


def _plain(name: str) -> str:
    while (shorter := _ADDED.sub("", name)) != name:
        name = shorter
    return name


def _listed(kind: str, specs: Sequence[TensorSpec]) -> str:
    named = ", ".join(f"{spec.name} {'x'.join(map(str, spec.shape))}" for spec in specs)
    return f"{len(specs)} {kind}{'s' * (len(specs) != 1)} ({named})"
