"""The activation ranges that cost the outputs least, chosen by the gradients of the network.

To first order, an error e of an activation changes an output by g e, where g is the gradient. Rounding is uniform noise
of a twelfth of the squared step (Widrow 1956) wherever the activation is not zero; the error of clipping is known
exactly. Weighting errors by gradients is the Fisher-weighted loss of Li et al. 2021, "BRECQ",
https://arxiv.org/abs/2102.05426, section 3.3, here for ranges instead of weights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from calibration.observers import SENSITIVITY
from calibration.ranges import Range, Ranges
from calibration.samples import Samples
from export.model.gradients import BATCH, Activations
from export.progress import Counted, uncounted
from export.quantization import sample_selection

if TYPE_CHECKING:
    import keras

Floats = NDArray[np.float64]

STEPS = 255
# Candidate ends, as fractions of the largest and smallest observed value.
SHARES = np.append(np.geomspace(1.0, 0.05, 24), 0.0)
LOG_RATIO = np.float32(np.log(SHARES[1]))
# A clipped range must reduce the estimated error to this fraction: gradients are inaccurate for large errors, and other
# photos will have other outliers.
WORTHWHILE = 0.7
# An error counts relative to the power of its sample's outputs, so that loud samples do not dominate. The power is at
# least this fraction of the mean; otherwise the errors of a sample with almost no output, such as an empty picture,
# would outweigh those of all others.
SMALLEST_POWER = 0.1
TINY = float(np.finfo(np.float32).tiny)


def choose(
    model: keras.Model,
    samples: Samples,
    observed: Ranges,
    calls: Mapping[str, Sequence[str]],
    *,
    count: int = 32,
    seed: int = 0,
    counted: Counted = uncounted,
) -> Ranges:
    """Return narrower ranges where clipping improves the outputs, and the observed ranges elsewhere.

    Args:
        model: the model whose activations were observed.
        samples: the calibration samples.
        observed: min and max of every activation by the file's tensor name.
        calls: names of the model's calls with the same values, for each tensor of the file that may be clipped.
        count: largest number of samples whose gradients are computed (export/quantization/sample_selection.py).
        counted: is called with the number of samples that are done.
        seed: of the random signs with which a sample's outputs are summed to one scalar for the gradient.
    """
    activations = Activations(model, samples)
    peaks, powers = activations.survey()
    indices, stands_for = sample_selection.choose(peaks, count)
    importance = stands_for / np.maximum(powers, SMALLEST_POWER * powers.mean() + TINY)[indices]
    generator = np.random.default_rng(seed)
    costs: dict[str, list[Floats | float]] = {}
    for start in range(0, len(indices), BATCH):
        counted(start, len(indices))
        values, gradients = activations.gradients(indices[start : start + BATCH], generator)
        if not costs:
            first = {name: equal[0] for name, equal in calls.items()}
            costs = {name: [0.0, 0.0] for name, call in first.items() if gradients[call] is not None}
        for name, halves in costs.items():
            pairs = zip(values[first[name]].numpy(), gradients[first[name]].numpy(), strict=True)
            for index, (value, gradient) in enumerate(pairs, start):
                cost = _cost(value.reshape(-1), gradient.reshape(-1), observed.by_tensor[name])
                halves[index % 2] += cost * importance[index]
    chosen = {name: _best(halves, observed.by_tensor[name]) for name, halves in costs.items()}
    return Ranges(by_tensor={**observed.by_tensor, **chosen}, observer=SENSITIVITY)


def _cost(values: NDArray[Any], gradient: NDArray[Any], observed: Range) -> Floats:
    """Return the squared error of a sample's outputs, (low ends, high ends), for each pair of `SHARES`."""
    low, high = min(observed[0], 0.0), max(observed[1], 0.0)
    step = (high * SHARES[None, :] - low * SHARES[:, None]) / STEPS
    rounding = step**2 / 12 * float(np.vdot(gradient, gradient * (values != 0)))
    below, above = _clipped(-values, -gradient, -low * SHARES), _clipped(values, gradient, high * SHARES)
    found: Floats = rounding + (below[:, None] + above[None, :]) ** 2
    return found


def _clipped(values: NDArray[Any], gradient: NDArray[Any], ends: Floats) -> Floats:
    """Return the change of the outputs when `values` are clipped at each of `ends`, largest first, the last zero."""
    beyond = np.flatnonzero(values > ends[-2])
    values, gradient = values[beyond], gradient[beyond]
    # Values between two neighbouring ends lie beyond the same ends, so the sum beyond an end is cumulative.
    place = (
        np.floor(np.log(values / max(np.float32(ends[0]), np.finfo(np.float32).tiny)) / LOG_RATIO).astype(np.int64) + 1
    )
    np.maximum(place, 0, out=place)
    sums = [np.cumsum(np.bincount(place, weights, len(ends))) for weights in (gradient, gradient * values)]
    moved: Floats = ends * sums[0] - sums[1]
    return moved


def _best(halves: Sequence[Floats | float], observed: Range) -> Range:
    """Return the pair of ends with the least error, taking for each pair the worse of two halves of the samples."""
    seen = [np.asarray(half)[:-1, :-1] for half in halves if np.ndim(half) and np.asarray(half)[0, 0] > 0]
    if not seen:
        return observed
    relative = np.max([half / half[0, 0] for half in seen], axis=0)
    low, high = np.unravel_index(int(relative.argmin()), relative.shape)
    if relative[low, high] > WORTHWHILE:
        return observed
    return observed[0] * float(SHARES[low]), observed[1] * float(SHARES[high])
