"""Job: compare the outputs of a file for several samples at once with those for each alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from calibration.samples import Samples
from export.formats import format_of
from export.runtime.jobs.feed import feed

COUNT = 3  # samples at once


def compare_batches(path: str, samples: str, camera_bytes: bool) -> dict[str, Any]:
    """Return under "worst" the largest difference of an output from the same output alone, relative to the largest.

    Args:
        path: of a file whose batch is open.
        samples: a folder that `Samples.save` wrote.
        camera_bytes: whether to feed uint8 photos without normalisation, as a device would.
    """
    loaded = Samples.load(Path(samples))
    session = format_of(Path(path)).open(Path(path))
    rows = [feed(session, loaded, index % len(loaded), camera_bytes) for index in range(COUNT)]
    alone = [session.run(row) for row in rows]
    together = session.run({name: np.concatenate([row[name] for row in rows]) for name in rows[0]})
    worst, smallest = 0.0, float(np.finfo(np.float32).tiny)
    for name, values in together.items():
        expected = np.concatenate([one[name] for one in alone]).astype(np.float64)
        if values.shape != expected.shape:
            return {"worst": float("inf")}
        largest = max(float(np.abs(expected).max()), smallest)
        worst = max(worst, float(np.abs(values - expected).max()) / largest)
    return {"worst": worst}
