"""Find the activation of a .tflite that each activation of the .onnx derived from it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from calibration.samples import Array
from export.formats.onnx.split import Seam
from export.formats.onnx.tensor_match import Axes, Counterpart, agreement, other_orders, usual_orders
from export.model.tensor_spec import TensorSpec

SAME_SCALE = 1e-6  # Relative: both files store the same float32 number.


@dataclass(frozen=True, kw_only=True)
class Match:
    """An activation of the sibling.

    Attributes:
        index: of its tensor in the .tflite.
        layout: how its values lie in the .onnx.
        offset: zero point in the .onnx minus that in the .tflite.
    """

    index: int
    layout: Counterpart
    offset: int

    def in_onnx(self, stored: Array, dtype: str) -> Array:
        """Return stored numbers of the .tflite as the .onnx stores them."""
        return np.asarray(self.layout.as_onnx(stored).astype(np.int64) + self.offset).astype(dtype)


@dataclass(frozen=True, kw_only=True, eq=False)
class Sibling:
    """The activations of the .tflite, by the index of the tensor.

    Attributes:
        specs: their grids.
        sources: what each tensor is computed from directly.
        values: their stored numbers on some samples.
    """

    specs: Mapping[int, TensorSpec]
    sources: Mapping[int, Sequence[int]]
    values: Sequence[Mapping[int, Array]]

    def matches(self, seams: Sequence[Seam], found: Sequence[Mapping[str, Array]]) -> Iterator[tuple[str, Match]]:
        """Yield the activation of each seam, of the same size and on the same grid.

        Of several, it is one that is computed from the same activations, and of these the most similar one: on all
        samples, because two activations may be equal on one of them.

        Args:
            seams: of the .onnx, inputs first, then in the order of the file.
            found: its stored numbers on the same samples, by the name of the seam.
        """
        chosen: dict[str, int] = {}
        for seam in seams:
            own = found[0][seam.name]
            place = {chosen[source] for source in seam.sources if source in chosen}
            rated = [
                (
                    self._nearest(index, frozenset(chosen.values())) == place,
                    *self._alike(seam, index, found),
                    index,
                )
                for index, one in self.values[0].items()
                if index not in chosen.values() and one.size == own.size and _is_same_grid(self.specs[index], seam)
            ]
            if not rated:
                continue
            _, _, axes, index = max(rated, key=lambda one: one[:2])
            chosen[seam.name] = index
            layout = Counterpart(tensor=self.specs[index].name, axes=axes, shape=own.shape)
            offset = _offset(self.specs[index], seam)
            yield seam.name, Match(index=index, layout=layout, offset=offset)

    def _alike(self, seam: Seam, index: int, found: Sequence[Mapping[str, Array]]) -> tuple[float, Axes]:
        """Return the smallest likeness over the samples, and the order of axes for which it is largest.

        A layout that fits on one sample may be chance: an activation that is constant there fits in every layout.
        """
        offset = float(_offset(self.specs[index], seam))
        pairs = [(one[index] + offset, other[seam.name]) for one, other in zip(self.values, found, strict=True)]

        def best(orders: Iterable[Axes]) -> tuple[float, Axes]:
            rated = ((min(agreement(own, other, axes) for own, other in pairs), axes) for axes in orders)
            return max(rated, key=lambda one: one[0], default=(-np.inf, None))

        reference = pairs[0][0]
        usual = best(usual_orders(reference.shape, pairs[0][1].shape))
        return usual if usual[0] == 1 else max(usual, best(other_orders(reference.shape)), key=lambda one: one[0])

    def _nearest(self, index: int, known: frozenset[int]) -> set[int]:
        """Return the nearest activations among `known` that an activation of the sibling is computed from."""
        found: set[int] = set()
        seen, todo = set(), list(self.sources.get(index, ()))
        while todo:
            source = todo.pop()
            if source in known:
                found.add(source)
            elif source not in seen:
                seen.add(source)
                todo += self.sources.get(source, ())
        return found


def _is_same_grid(spec: TensorSpec, seam: Seam) -> bool:
    one, other = spec.scale, seam.stored.scale
    if one is None or other is None or abs(one - other) > SAME_SCALE * one:
        return False
    return _from_smallest(spec) == _from_smallest(seam.stored)


def _from_smallest(spec: TensorSpec) -> int:
    """Return the zero point relative to the smallest number of the type, which is equal for int8 and uint8."""
    return int(spec.zero_point or 0) - int(np.iinfo(spec.dtype).min)


def _offset(spec: TensorSpec, seam: Seam) -> int:
    return int(seam.stored.zero_point or 0) - int(spec.zero_point or 0)
