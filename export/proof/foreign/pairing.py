"""Find the model's constant for each constant of a file: by the order of equal operators, or by shape and values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from calibration.samples import Array
from export.formats.opened import Role, StoredConstant

# Relative distance up to which weights are surely the same ones, also with 4 bits or one faulty channel.
ALIKE = 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class Pair:
    """A constant of the file and the model's.

    Attributes:
        stored: the file's.
        original: the model's.
        is_sure: whether values or the order of the operators tell; otherwise only the shape does.
    """

    stored: StoredConstant
    original: StoredConstant
    is_sure: bool = True

    @property
    def layer(self) -> str:
        """The layer's name in the model."""
        return self.original.place


@dataclass(frozen=True, kw_only=True, eq=False)
class Pairing:
    """The pairs of a file.

    Attributes:
        pairs: in the order of the file.
        unknown: constants of the file that the model has not.
        missing: weights of the model that the file has not, and biases of weights that it has.
        is_aligned: whether both files have the same operators with constants in the same order.
    """

    pairs: tuple[Pair, ...]
    unknown: tuple[StoredConstant, ...] = ()
    missing: tuple[StoredConstant, ...] = ()
    is_aligned: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether every constant of both sides is in a pair."""
        return not self.unknown and not self.missing


def paired(
    stored: Sequence[StoredConstant], originals: Sequence[StoredConstant], unfolded: Sequence[StoredConstant] = ()
) -> Pairing:
    """Return the pairs of a file's constants and the model's.

    Args:
        stored: the file's.
        originals: those of our own file of the model, with folded batch norms.
        unfolded: the model's before folding, for files that keep batch norms.
    """
    if [_signature(one) for one in stored] == [_signature(one) for one in originals]:
        pairs = (Pair(stored=one, original=other) for one, other in zip(stored, originals, strict=True))
        return Pairing(pairs=tuple(pairs), is_aligned=True)
    return _by_values(stored, originals, unfolded)


def _signature(constant: StoredConstant) -> tuple[str, Role, tuple[int, ...]]:
    return constant.op, constant.role, constant.shape


def _by_values(
    stored: Sequence[StoredConstant], originals: Sequence[StoredConstant], unfolded: Sequence[StoredConstant]
) -> Pairing:
    """Pair weights by shape and values, biases with their weights, and all other constants by shape and values."""
    pairs: list[Pair] = []
    candidates = _Candidates([*originals, *unfolded])
    for role in (Role.WEIGHTS, Role.BIAS, Role.OTHER):
        pairs += candidates.matched([one for one in stored if one.role is role], pairs)
    known = {id(pair.stored) for pair in pairs}
    order = {id(one): place for place, one in enumerate(stored)}
    return Pairing(
        pairs=tuple(sorted(pairs, key=lambda pair: order[id(pair.stored)])),
        unknown=tuple(one for one in stored if id(one) not in known and not _is_nothing(one)),
        missing=tuple(_missing(originals, pairs)),
    )


def _missing(originals: Sequence[StoredConstant], pairs: Sequence[Pair]) -> Iterator[StoredConstant]:
    """Yield the model's weights that no constant of the file is, and the biases of the weights that it has."""
    used = {id(pair.original) for pair in pairs}
    layers = {pair.layer for pair in pairs if pair.stored.role is Role.WEIGHTS}
    positions = {pair.original.position for pair in pairs if pair.stored.role is Role.WEIGHTS}
    for one in originals:
        if id(one) in used or _is_nothing(one):
            continue
        is_lost = one.role is Role.WEIGHTS and one.place not in layers
        if is_lost or (one.role is Role.BIAS and one.position in positions):
            yield one


def _is_nothing(constant: StoredConstant) -> bool:
    """Return whether a constant may be left out: a bias of zeros, or a number that a layer is written with."""
    if constant.role is Role.OTHER:
        return int(np.prod(constant.shape)) <= 1
    return constant.role is Role.BIAS and not np.any(constant.read())


class _Candidates:
    """The model's constants that are not in a pair yet."""

    def __init__(self, constants: Sequence[StoredConstant]) -> None:
        self._left = list(constants)
        self._values: dict[int, Array] = {}

    def matched(self, stored: Sequence[StoredConstant], before: Sequence[Pair]) -> Iterator[Pair]:
        """Yield pairs of fitting shapes: first those with similar values, then the remaining ones in order.

        Args:
            stored: constants of one role.
            before: the pairs of other roles; a bias goes with its weights.
        """
        layers = {pair.stored.position: pair.original.position for pair in before if pair.stored.role is Role.WEIGHTS}
        pending, found = [], []
        for one in stored:
            fitting = [other for other in self._left if _fits(one, other)]
            own = [other for other in fitting if other.position == layers.get(one.position)]
            if one.role is Role.BIAS and own and own[0].role is Role.BIAS:
                found.append(self._taken(one, own[0]))
                continue
            values = one.read().reshape(-1)
            rated = [(_distance(self._read(other), values), place) for place, other in enumerate(fitting)]
            distance, place = min(rated, default=(np.inf, -1))
            if distance < ALIKE:
                found.append(self._taken(one, fitting[place]))
            else:
                pending.append(one)
        yield from found
        pairs = (*before, *found)
        layers_with_weights = {pair.layer for pair in pairs if pair.stored.role is Role.WEIGHTS}
        for one in pending:
            match = self._likely(one, [pair for pair in pairs if pair.stored.role is one.role], layers_with_weights)
            if match is not None:
                layers_with_weights.add(match.place)
                yield self._taken(one, match, is_sure=False)

    def _likely(self, one: StoredConstant, pairs: Sequence[Pair], layers: set[str]) -> StoredConstant | None:
        """Return what a constant with a fault should be: of a layer without weights, folded as its like are."""
        free = [other for other in self._left if other.role is one.role and _fits(one, other)]
        if one.role is Role.WEIGHTS:
            free = [other for other in free if other.place not in layers]
        like = [bool(pair.original.op) for pair in pairs if pair.stored.shape[1:2] == one.shape[1:2]]
        is_folded = 2 * sum(like) >= len(like)
        same = [other for other in free if bool(other.op) == is_folded] if like else free
        chosen = same or ([] if one.role is Role.OTHER else free)
        if one.role is not Role.WEIGHTS:
            return next(iter(chosen), None)
        own = _sorted(one)
        rated = [(_distance(_sorted(other), own), place) for place, other in enumerate(chosen)]
        return chosen[min(rated)[1]] if rated else None

    def _taken(self, one: StoredConstant, other: StoredConstant, *, is_sure: bool = True) -> Pair:
        self._left = [each for each in self._left if each is not other]
        self._values.pop(id(other), None)
        return Pair(stored=one, original=other, is_sure=is_sure)

    def _read(self, constant: StoredConstant) -> Array:
        if id(constant) not in self._values:
            self._values[id(constant)] = constant.read().reshape(-1).astype(np.float32)
        return self._values[id(constant)]


def _sorted(constant: StoredConstant) -> Array:
    """Return the values of every channel in ascending order, which a kernel shares with a transposed one."""
    values = np.nan_to_num(constant.read()).reshape(constant.shape[0], -1)
    return np.sort(values, axis=1).reshape(-1)


def _fits(one: StoredConstant, other: StoredConstant) -> bool:
    """Return whether the shapes fit; a vector of one layout may be a bias in one file and a term in another."""
    if Role.WEIGHTS not in (one.role, other.role):
        sizes = {int(np.prod(one.shape)), int(np.prod(other.shape))}
        return len(sizes) == 1 and (min(sizes) > 1 or one.role is other.role is Role.BIAS)
    return one.role is other.role and _sizes(one.shape) == _sizes(other.shape)


def _sizes(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return a shape of weights without the axes of size 1 behind the output channels."""
    return shape[0], *(size for size in shape[1:] if size != 1)


def _distance(expected: Array, found: Array) -> float:
    """Return the error relative to the expected values."""
    signal = float(np.linalg.norm(expected))
    distance = float(np.linalg.norm(expected - found))
    if not np.isfinite(distance):
        return float("inf")
    return distance / signal if signal else float(distance > 0)
