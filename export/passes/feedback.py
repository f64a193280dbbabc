"""What the error of a rounded weight asks of those that are rounded after it.

With the inputs' second moments H = LL' the error of rounded weights Q is |L'(Q - W)|^2; its rows are settled from the
last to the first, so that one Cholesky factor does, without an inverse. The loudest inputs are last. Of a wide layer
few inputs were seen: H is then a few rows and a ridge, and its factor is never written down.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

BLOCK = 64  # rows that are settled before the others hear of it: a matrix product in place of 64 small ones
# Rows are kept in place of their moments if there are so few of them: each block costs their number cubed.
MOST_ROWS_SHARE = 1 / 8
TINY = np.finfo(np.float32).tiny * 1e6


@dataclass(frozen=True)
class Block:
    """Neighbouring rows of weights, which are settled one by one from the last to the first.

    Attributes:
        start: the first row.
        end: behind the last one.
        asked: (groups, rows, M), by the rows behind them, in steps.
        within: (groups, rows, rows), [j, k]: what an error of row j asks of row k.
        diagonal: (groups, rows), of the Cholesky factor: what an error costs.
    """

    start: int
    end: int
    asked: Floats
    within: Floats
    diagonal: Floats


class Feedback(Protocol):
    """How rows of weights hear of each other's errors.

    Attributes:
        order: (groups, K), of the inputs: the loudest is last.
    """

    order: NDArray[np.int64]

    def blocks(self, lost: Floats) -> Iterator[Block]:
        """Yield the blocks, the last one first.

        Args:
            lost: (groups, K, M) in this order, the target less the integers; it is read behind each block's end, and
                filled in between.
        """
        ...


class Inputs(Protocol):
    """What is known of the inputs of a layer."""

    @property
    def power(self) -> Floats:
        """Mean square about the mean of every input, (groups, K)."""
        ...

    def output_power(self, weights: Floats) -> float:
        """Return the mean square about the mean of all outputs of weights (groups, K, M), summed."""
        ...

    def feedback(self, ridge: float, group: int | None = None) -> Feedback:
        """Return the feedback of one group or all, the ridge being a share of the inputs' mean power."""
        ...


@dataclass(frozen=True)
class Moments:
    """Second moments about the mean, (groups, K, K)."""

    second: Floats

    @property
    def power(self) -> Floats:
        """Mean square of every input, (groups, K)."""
        diagonal: Floats = np.einsum("gkk->gk", self.second)
        return diagonal

    def output_power(self, weights: Floats) -> float:
        """Return what comes out, of all groups."""
        return float(np.sum((self.second @ weights) * weights))

    def feedback(self, ridge: float, group: int | None = None) -> Feedback:
        """Return the factor of all moments."""
        return _Factor(self.second if group is None else self.second[group : group + 1], ridge)


@dataclass(frozen=True)
class Rows:
    """Few inputs of one group, (S, K): less their mean, and divided by the root of S."""

    rows: Floats

    @property
    def power(self) -> Floats:
        """Mean square of every input, (1, K)."""
        squares: Floats = np.einsum("sk,sk->k", self.rows, self.rows)[None]
        return squares

    def output_power(self, weights: Floats) -> float:
        """Return what comes out."""
        return float(np.sum((self.rows @ weights[0]) ** 2))

    def feedback(self, ridge: float, group: int | None = None) -> Feedback:
        """Return the factor of the rows and the ridge."""
        return _LowRank(self.rows, ridge)


class _Factor:
    """The Cholesky factor of second moments (groups, K, K)."""

    def __init__(self, moments: Floats, ridge: float) -> None:
        import tensorflow as tf

        size = moments.shape[-1]
        loudness = np.diagonal(moments, axis1=1, axis2=2)
        self.order = np.argsort(loudness, axis=1, kind="stable")
        sorted_moments = np.stack(
            [moment[np.ix_(*[order] * 2)] for moment, order in zip(moments, self.order, strict=True)]
        )
        raised = ridge * loudness.mean(axis=1) + TINY
        sorted_moments[:, np.arange(size), np.arange(size)] += raised[:, None]
        lower = tf.linalg.cholesky(sorted_moments).numpy()
        self._diagonal = np.diagonal(lower, axis1=1, axis2=2).copy()
        lower /= self._diagonal[:, None, :]
        self._lower = lower

    def blocks(self, lost: Floats) -> Iterator[Block]:
        """Yield the blocks, the last one first."""
        for start, end in _bounds(lost.shape[1]):
            asked = np.swapaxes(self._lower[:, end:, start:end], 1, 2) @ lost[:, end:]
            yield Block(start, end, asked, self._lower[:, start:end, start:end], self._diagonal[:, start:end])


class _LowRank:
    """The same of H = rI + A'A, A being (S, K) with few rows, block by block.

    The rows U before a block B are still free, and will be settled for the best: what the errors e behind it cost is
    the least over U, e_B' S e_B + 2 e_B' g, with S = rI + r A_B' N A_B, g = r A_B' N A e and N = (rI + A_U A_U')^-1 by
    the push-through identity. The rest is S = LL', as for the whole.
    """

    def __init__(self, rows: Floats, ridge: float) -> None:
        import tensorflow as tf

        power = (rows.astype(np.float64) ** 2).sum(axis=0)
        order = np.argsort(power, kind="stable")
        self.order = order[None]
        self._rows = np.ascontiguousarray(rows[:, order])
        self._parts: list[tuple[Floats, Floats, Floats]] = []
        raised = ridge * float(power.mean()) + float(TINY)
        free = raised * np.eye(len(rows))
        for start, end in reversed(_bounds(rows.shape[1])):
            some = self._rows[:, start:end].astype(np.float64)
            answer = raised * np.linalg.solve(free, some).T  # (rows of the block, S)
            lower = tf.linalg.cholesky(answer @ some + raised * np.eye(end - start)).numpy()  # numpy's raises at NaN
            diagonal = np.diagonal(lower)
            asks = np.linalg.solve(lower, answer) / diagonal[:, None]
            self._parts.append(
                (asks.astype(np.float32), (lower / diagonal).astype(np.float32), diagonal.astype(np.float32))
            )
            free += some @ some.T

    def blocks(self, lost: Floats) -> Iterator[Block]:
        """Yield the blocks, the last one first."""
        moved = np.zeros((len(self._rows), lost.shape[2]), np.float32)  # the outputs that were seen, by what was lost
        for (start, end), (asks, within, diagonal) in zip(_bounds(lost.shape[1]), reversed(self._parts), strict=True):
            yield Block(start, end, (asks @ moved)[None], within[None], diagonal[None])
            moved += self._rows[:, start:end] @ lost[0, start:end]


def _bounds(size: int) -> list[tuple[int, int]]:
    """Return start and end of each block, the last one first."""
    return [(max(end - BLOCK, 0), end) for end in range(size, 0, -BLOCK)]
