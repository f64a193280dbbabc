"""Job: compare every operator of an integer file with that of its source on the same stored inputs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from calibration.made_samples import evenly, made
from calibration.samples import Array, Samples
from export.formats import format_of
from export.formats.session import IsolatedOperators, OperatorErrors
from export.runtime.jobs.covering import choose
from export.runtime.jobs.feed import feed
from export.runtime.jobs.reach import Reach, ends_of

# How many numbers the operators compute in all, if that takes no fewer and no more samples than these.
NUMBERS, FEWEST, MOST = 4_000_000, 2, 16

# For each of them so many other samples, most of them made, are run; those that reach most are compared, too.
CANDIDATES = 6

# Steps that an operator may be off, by the type of its output (`export.proof.tolerances.ARITHMETIC`).
ALLOWED = {"int8": 1.0, "uint8": 1.0, "int16": 4.0, "uint16": 4.0}

# How many steps count as one where a runtime reads or interpolates a table: measured 22 of 32768 steps for a softmax,
# 1.0 for a root, and 1.05 for the softmax of ONNX Runtime.
INTERPOLATED = {
    ("SQRT", "int8"): 2.0,
    ("Softmax", "int8"): 2.0,
    ("Softmax", "uint8"): 2.0,
    **dict.fromkeys(((op, "int16") for op in ("EXP", "GELU", "LOG", "SOFTMAX", "SQRT")), 8.0),
    ("RSQRT", "int16"): 8.0,
}


def isolate(
    path: str, source: str, is_sibling: bool, samples: str, calibration: str, camera_bytes: bool
) -> dict[str, Any]:
    """Return the largest error in steps with its operator and type, the number of operators, and what samples reach.

    Args:
        path: path of the integer file.
        source: path of the file that it was quantized or derived from.
        is_sibling: whether it was derived from it; otherwise the source has the same operators in float.
        samples: a folder that `Samples.save` wrote: the samples of the proof.
        calibration: the folder of those of the calibration, which reach the ends of ranges; empty if there are none.
        camera_bytes: whether to feed uint8 photos without normalisation.
    """
    own_format = format_of(Path(path))
    isolated = (own_format.isolate_beside if is_sibling else own_format.isolate)(Path(path), Path(source))
    loaded = Samples.load(Path(samples))
    count = int(np.clip(NUMBERS // isolated.size, FEWEST, MOST))
    chosen = loaded.take(evenly(len(loaded), count))
    fed = [feed(isolated, chosen, index, camera_bytes) for index in range(len(chosen))]
    isolated.align(fed)
    found = _Worst()
    half = 2 if len(fed) >= 2 * FEWEST else 1
    first, others = fed[::half], Samples.load(Path(calibration)) if calibration else loaded
    for stored in first:
        found.add(isolated.errors(stored))
    left = [one for place, one in enumerate(fed) if place % half]
    drawn, invented = _candidates(isolated, others, CANDIDATES * count, camera_bytes)
    candidates = [*left, *drawn, *invented]
    reached = [ends_of(isolated.activations(stored)) for stored in candidates]
    positions = choose(reached, found.reach, count) if any(reached) else evenly(len(candidates), count)
    compared = len(first)
    for position in positions:
        errors = isolated.errors(candidates[position])
        is_invented = position >= len(candidates) - len(invented)
        found.add(map(_where_defined, errors) if is_invented else errors)
        compared += 1
    return {
        "steps": found.steps,
        "where": found.where,
        "dtype": found.dtype,
        "operators": len(found.operators),
        "samples": compared,
        "candidates": len(first) + len(candidates),
        "reach": found.reach.record(),
    }


@dataclass
class _Worst:
    """The largest error of all samples, and what they reach."""

    steps: float = 0.0
    where: str = ""
    dtype: str = "int8"
    operators: set[str] = field(default_factory=set)
    reach: Reach = field(default_factory=Reach)

    def add(self, errors: Iterable[OperatorErrors]) -> None:
        """Add the operators on one sample."""
        for one in errors:
            self.operators.add(one.tensor)
            self.reach.add(one)
            largest = float(np.max(one.steps, initial=0.0)) / INTERPOLATED.get((one.op, one.dtype), 1.0)
            if not largest / ALLOWED[one.dtype] <= self.steps / ALLOWED[self.dtype]:
                self.steps, self.where, self.dtype = largest, f"{one.op} {one.tensor.split(';')[0]}", one.dtype


def _where_defined(errors: OperatorErrors) -> OperatorErrors:
    """Return no error where the float operator gives no number, such as the logarithm of a negated input."""
    return replace(errors, steps=np.where(np.isnan(errors.steps), 0.0, errors.steps))


def _candidates(
    isolated: IsolatedOperators, samples: Samples, count: int, camera_bytes: bool
) -> tuple[list[dict[str, Array]], list[dict[str, Array]]]:
    """Return stored inputs of real samples, and of samples made from them, about `count` in all.

    There are none of the latter if there are indices, and none that the network is not defined for.
    """
    real = samples.take(evenly(len(samples), count if isolated.has_indices else max(1, count // 8)))
    drawn = [feed(isolated, real, index, camera_bytes) for index in range(len(real))]
    sets = () if isolated.has_indices else made(samples, count)
    invented = [feed(isolated, few, index, camera_bytes) for few in sets for index in range(len(few))]
    return drawn, [one for one in invented if isolated.is_defined(one)]
