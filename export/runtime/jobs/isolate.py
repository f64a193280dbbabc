"""Job: compare every operator of an integer file with that of its source on the same stored inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from calibration.enlarged import enlarged
from calibration.samples import Samples
from export.formats import format_of
from export.runtime.jobs.feed import feed
from export.runtime.jobs.reach import Reach

# How many numbers the operators compute in all, if that takes no fewer and no more samples than these.
NUMBERS, FEWEST, MOST = 4_000_000, 2, 16

# Steps that an operator may be off, by the type of its output (`export.proof.tolerances.ARITHMETIC`).
ALLOWED = {"int8": 1.0, "uint8": 1.0, "int16": 4.0, "uint16": 4.0}

# How many steps count as one where a runtime reads or interpolates a table: measured 22 of 32768 steps for a softmax,
# 500 for a reciprocal root of 16 bits near zero, where it is steep (256 are a step of 8 bits), 1.0 for a root, and 1.05
# for the softmax of ONNX Runtime.
INTERPOLATED = {
    ("SQRT", "int8"): 2.0,
    ("Softmax", "int8"): 2.0,
    ("Softmax", "uint8"): 2.0,
    **dict.fromkeys(((op, "int16") for op in ("EXP", "GELU", "LOG", "SOFTMAX", "SQRT")), 8.0),
    ("RSQRT", "int16"): 256.0,
}


def isolate(path: str, source: str, is_sibling: bool, samples: str, camera_bytes: bool) -> dict[str, Any]:
    """Return the largest error in steps with its operator and type, the number of operators, and what samples reach.

    Args:
        path: path of the integer file.
        source: path of the file that it was quantized or derived from.
        is_sibling: whether it was derived from it; otherwise the source has the same operators in float.
        samples: a folder that `Samples.save` wrote; some of them are run, and again with their float inputs enlarged.
        camera_bytes: whether to feed uint8 photos without normalisation.
    """
    own_format = format_of(Path(path))
    isolated = (own_format.isolate_beside if is_sibling else own_format.isolate)(Path(path), Path(source))
    loaded = Samples.load(Path(samples))
    count = int(np.clip(NUMBERS // isolated.size, FEWEST, MOST))
    chosen = loaded.take(np.unique(np.linspace(0, len(loaded) - 1, count).astype(np.int64)))
    isolated.align([feed(isolated, chosen, index, camera_bytes) for index in range(len(chosen))])
    worst, where, dtype, operators, reach = 0.0, "", "int8", set(), Reach()
    for few in (chosen,) if isolated.has_indices else (chosen, enlarged(chosen)):
        for index in range(len(few)):
            for one in isolated.errors(feed(isolated, few, index, camera_bytes)):
                operators.add(one.tensor)
                reach.add(one)
                largest = float(np.max(one.steps, initial=0.0)) / INTERPOLATED.get((one.op, one.dtype), 1.0)
                if not largest / ALLOWED[one.dtype] <= worst / ALLOWED[dtype]:
                    worst, where, dtype = largest, f"{one.op} {one.tensor.split(';')[0]}", one.dtype
    return {
        "steps": worst,
        "where": where,
        "dtype": dtype,
        "operators": len(operators),
        "samples": len(chosen),
        "reach": reach.record(),
    }
