"""Rounding to grids of 4 bits with error feedback: the inputs that are rounded later compensate earlier errors.

Frantar et al. 2022, "GPTQ", https://arxiv.org/abs/2210.17323, section 3.3, with one scale for each block of 32 inputs,
chosen when the feedback reaches the block.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from export.formats.blocks import BLOCK, LARGEST, OF_ZEROS, SMALLEST, Blocks, storable

Floats = NDArray[np.float32]

DAMPING = 0.01  # added to the second moments, relative to their mean
# Candidate scales of a block, relative to the one that its largest weight needs.
CLIPPED_SHARES = (1.0, 0.96, 0.92, 0.88, 0.84, 0.8)


def round_blocks(matrix: Floats, moments: NDArray[np.float64]) -> Blocks:
    """Return a matrix (rows, width) on a grid, rounded so that its products with the inputs keep.

    Args:
        matrix: one row for each output.
        moments: second moments of the inputs, (width, width).
    """
    left = matrix.astype(np.float64)
    factor = _inverse_factor(moments)
    importance = np.diagonal(moments) + DAMPING * np.mean(np.diagonal(moments))
    integers, scales = np.empty(matrix.shape, np.int8), np.empty((len(matrix), matrix.shape[1] // BLOCK), np.float32)
    for number, start in enumerate(range(0, matrix.shape[1], BLOCK)):
        some, later = slice(start, start + BLOCK), slice(start + BLOCK, None)
        scale = _scales(left[:, some], importance[some])
        lost = np.empty((len(matrix), BLOCK))
        for place in range(BLOCK):
            column = start + place
            integer = np.clip(np.rint(left[:, column] / scale), SMALLEST, LARGEST)
            lost[:, place] = (left[:, column] - integer * scale) / factor[column, column]
            rest = slice(column + 1, start + BLOCK)
            left[:, rest] -= lost[:, place, None] * factor[column, rest]
            integers[:, column] = integer
        left[:, later] -= lost @ factor[some, later]
        scales[:, number] = scale
    return Blocks(integers=integers, scales=scales)


def _inverse_factor(moments: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the upper triangular U with U'U = H^-1, for H of the moments and the damping."""
    from scipy import linalg

    size = len(moments)
    raised = moments + (DAMPING * np.mean(np.diagonal(moments)) + np.finfo(np.float32).tiny) * np.eye(size)
    # With the rows and columns reversed, H = LL' gives the factor of the inverse without computing the inverse.
    lower = linalg.cholesky(raised[::-1, ::-1], lower=True)
    inverse: NDArray[np.float64] = linalg.solve_triangular(lower, np.eye(size), lower=True)
    return inverse[::-1, ::-1]


def _scales(block: NDArray[np.float64], importance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each row of a block (rows, 32) the candidate scale of smallest weighted error."""
    largest = np.abs(block).max(axis=1)
    best, scales = np.full(len(block), np.inf), np.full(len(block), OF_ZEROS)
    for share in CLIPPED_SHARES:
        scale = np.where(largest > 0, storable(largest * (share / LARGEST)), OF_ZEROS)
        rounded = np.clip(np.rint(block / scale[:, None]), SMALLEST, LARGEST) * scale[:, None]
        error = ((block - rounded) ** 2) @ importance
        better = error < best
        best, scales = np.where(better, error, best), np.where(better, scale, scales)
    return scales
