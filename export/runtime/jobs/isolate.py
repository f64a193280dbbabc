"""Job: compare every operator of an integer file with the float operator on the same stored inputs and constants."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from calibration.samples import Array, Samples
from export.formats import format_of
from export.runtime.jobs.feed import feed

# Factor of the inputs of made-up samples, which reach the ends of grids and the caps of activations.
LOUDER = 8

# Steps that an operator may be off, by the type of its output (`export.proof.tolerances.ARITHMETIC`).
ALLOWED = {"int8": 1.0, "uint8": 1.0, "int16": 4.0, "uint16": 4.0}

# How many steps count as one where LiteRT reads or interpolates a table: measured 22 of 32768 steps for a softmax, 500
# for a reciprocal root of 16 bits near zero, where it is steep (256 are a step of 8 bits), and 1.0 for a root.
INTERPOLATED = {
    ("SQRT", "int8"): 2.0,
    **dict.fromkeys(((op, "int16") for op in ("EXP", "GELU", "LOG", "SOFTMAX", "SQRT")), 8.0),
    ("RSQRT", "int16"): 256.0,
}


def isolate(path: str, float_file: str, samples: str, count: int, camera_bytes: bool) -> dict[str, Any]:
    """Return the largest error in steps with the operator that makes it and its type, and the number of operators.

    Args:
        path: path of the integer file.
        float_file: path of the float file that it was quantized from.
        samples: a folder that `Samples.save` wrote.
        count: number of samples; each is also run with its float inputs enlarged.
        camera_bytes: whether to feed uint8 photos without normalisation.
    """
    isolated = format_of(Path(path)).isolate(Path(path), Path(float_file))
    loaded = Samples.load(Path(samples))
    chosen = loaded.take(np.unique(np.linspace(0, len(loaded) - 1, count).astype(np.int64)))
    worst, where, dtype, operators = 0.0, "", "int8", set()
    for few in (chosen,) if isolated.has_indices else (chosen, louder(chosen)):
        for index in range(len(few)):
            for one in isolated.errors(feed(isolated, few, index, camera_bytes)):
                operators.add(one.tensor)
                largest = float(np.max(one.steps, initial=0.0)) / INTERPOLATED.get((one.op, one.dtype), 1.0)
                if not largest / ALLOWED[one.dtype] <= worst / ALLOWED[dtype]:
                    worst, where, dtype = largest, f"{one.op} {one.tensor.split(';')[0]}", one.dtype
    return {"steps": worst, "where": where, "dtype": dtype, "operators": len(operators)}


def louder(samples: Samples) -> Samples:
    """Return samples with the float inputs enlarged, and without photos."""

    def enlarged(values: Array) -> Array:
        return values * np.float32(LOUDER) if np.issubdtype(values.dtype, np.floating) else values

    inputs = {name: enlarged(np.asarray(values)) for name, values in samples.inputs.items()}
    return replace(samples, inputs=inputs, photos=None, photo_input=None, digests=())
