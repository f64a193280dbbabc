"""Error feedback: weights are corrected for the rounding errors of the weights before them.

With the inputs' second moments H = LL' the error of rounded weights Q is |L'(Q - W)|^2. Its rows are rounded from the
last to the first, which needs one Cholesky factor and no inverse. The inputs of largest power are last. A wide layer
has fewer input rows than inputs: H is then given by these rows and a ridge, and its factor is not computed as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

BLOCK = 64  # rows per block; their joint feedback to other blocks is one matrix product instead of 64 small ones
# Largest number of input rows, relative to K, that are kept instead of moments; each block costs their number cubed.
MOST_ROWS_SHARE = 1 / 8
TINY = np.finfo(np.float32).tiny * 1e6


@dataclass(frozen=True)
class Block:
    """Neighbouring rows of weights, which are rounded one by one from the last to the first.

    Attributes:
        start: first row.
        end: row after the last one.
        correction: (groups, rows, M), by the errors of all rows from `end` on, in steps.
        within: (groups, rows, rows), [j, k]: correction of row k per error of row j.
        diagonal: (groups, rows), diagonal of the Cholesky factor: cost of an error.
    """

    start: int
    end: int
    correction: Floats
    within: Floats
    diagonal: Floats


class Feedback(Protocol):
    """Propagates the errors of rounded rows to the other rows.

    Attributes:
        order: (groups, K), order of the inputs by power; the largest is last.
    """

    order: NDArray[np.int64]

    def blocks(self, lost: Floats) -> Iterator[Block]:
        """Yield the blocks, the last one first.

        Args:
            lost: errors (groups, K, M) in the order `order`, target minus integers. The caller fills in the rows of
                each block before it requests the next one.
        """
        ...


class Inputs(Protocol):
    """Second-order statistics of the inputs of a product."""

    @property
    def power(self) -> Floats:
        """Variance of every input, (groups, K)."""
        ...

    def output_power(self, weights: Floats) -> float:
        """Return the sum of the variances of all outputs of weights (groups, K, M)."""
        ...

    def feedback(self, ridge: float, group: int | None = None) -> Feedback:
        """Return the feedback of one group or of all; `ridge` is relative to the mean power of the inputs."""
        ...


@dataclass(frozen=True)
class Moments:
    """Second moments about the mean, (groups, K, K)."""

    second: Floats

    @property
    def power(self) -> Floats:
        """Variance of every input, (groups, K)."""
        diagonal: Floats = np.einsum("gkk->gk", self.second)
        return diagonal

    def output_power(self, weights: Floats) -> float:
        """Return the sum of the variances of all outputs, over all groups."""
        return float(np.sum((self.second @ weights) * weights))

    def feedback(self, ridge: float, group: int | None = None) -> Feedback:
        """Return the feedback from the Cholesky factor of the moments."""
        return _Factor(self.second if group is None else self.second[group : group + 1], ridge)


@dataclass(frozen=True)
class Rows:
    """Few input rows of one group, (S, K), minus their mean and divided by the square root of S."""

    rows: Floats

    @property
    def power(self) -> Floats:
        """Variance of every input, (1, K)."""
        squares: Floats = np.einsum("sk,sk->k", self.rows, self.rows)[None]
        return squares

    def output_power(self, weights: Floats) -> float:
        """Return the sum of the variances of all outputs."""
        return float(np.sum((self.rows @ weights[0]) ** 2))

    def feedback(self, ridge: float, group: int | None = None) -> Feedback:
        """Return the feedback from the rows and the ridge."""
        return _LowRank(self.rows, ridge)


class _Factor:
    """Feedback from the Cholesky factor of second moments (groups, K, K)."""

    def __init__(self, moments: Floats, ridge: float) -> None:
        import tensorflow as tf

        size = moments.shape[-1]
        power = np.diagonal(moments, axis1=1, axis2=2)
        self.order = np.argsort(power, axis=1, kind="stable")
        sorted_moments = np.stack(
            [moment[np.ix_(*[order] * 2)] for moment, order in zip(moments, self.order, strict=True)]
        )
        raised = ridge * power.mean(axis=1) + TINY
        sorted_moments[:, np.arange(size), np.arange(size)] += raised[:, None]
        lower = tf.linalg.cholesky(sorted_moments).numpy()
        self._diagonal = np.diagonal(lower, axis1=1, axis2=2).copy()
        lower /= self._diagonal[:, None, :]
        self._lower = lower

    def blocks(self, lost: Floats) -> Iterator[Block]:
        """Yield the blocks, the last one first."""
        for start, end in _bounds(lost.shape[1]):
            correction = np.swapaxes(self._lower[:, end:, start:end], 1, 2) @ lost[:, end:]
            yield Block(start, end, correction, self._lower[:, start:end, start:end], self._diagonal[:, start:end])


class _LowRank:
    """Feedback for H = rI + A'A with few rows A (S, K), block by block.

    The rows U before a block B are still free and will be chosen optimally. Minimised over U, the cost of the errors e
    after the block is e_B' S e_B + 2 e_B' g, with S = rI + r A_B' N A_B, g = r A_B' N A e and N = (rI + A_U A_U')^-1
    by the push-through identity. The block is then rounded with S = LL', as in `_Factor`.
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
            solution = raised * np.linalg.solve(free, some).T  # (rows of the block, S)
            # tf: numpy's Cholesky raises an exception at NaN.
            lower = tf.linalg.cholesky(solution @ some + raised * np.eye(end - start)).numpy()
            diagonal = np.diagonal(lower)
            response = np.linalg.solve(lower, solution) / diagonal[:, None]
            self._parts.append(
                (response.astype(np.float32), (lower / diagonal).astype(np.float32), diagonal.astype(np.float32))
            )
            free += some @ some.T

    def blocks(self, lost: Floats) -> Iterator[Block]:
        """Yield the blocks, the last one first."""
        moved = np.zeros((len(self._rows), lost.shape[2]), np.float32)  # output errors of the input rows
        for (start, end), (response, within, diagonal) in zip(
            _bounds(lost.shape[1]), reversed(self._parts), strict=True
        ):
            yield Block(start, end, (response @ moved)[None], within[None], diagonal[None])
            moved += self._rows[:, start:end] @ lost[0, start:end]


def _bounds(size: int) -> list[tuple[int, int]]:
    """Return start and end of each block, the last one first."""
    return [(max(end - BLOCK, 0), end) for end in range(size, 0, -BLOCK)]
