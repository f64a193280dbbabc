"""Job: the smallest and largest value of every output of a float file, and what given limits cut off."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from calibration.samples import Samples
from export.formats import format_of
from export.runtime import cores
from export.runtime.jobs.feed import feed


def extremes(path: str, samples: str, limits: Mapping[str, tuple[float, float]]) -> dict[str, Any]:
    """Return for every output in `limits` its smallest and largest value, its power, and the power of what is cut off.

    Args:
        path: path of the file.
        samples: a folder that `Samples.save` wrote.
        limits: (low, high) by the output's name.
    """
    loaded = Samples.load(Path(samples))
    session = format_of(Path(path)).open(Path(path), cores.count())
    found: dict[str, dict[str, float]] = {
        name: {"low": np.inf, "high": -np.inf, "power": 0.0, "cut": 0.0} for name in limits
    }
    for index in range(len(loaded)):
        outputs = session.run(feed(session, loaded, index, camera_bytes=False))
        for name, (low, high) in limits.items():
            values = outputs[name].astype(np.float64)
            one = found[name]
            one["low"] = min(one["low"], float(values.min(initial=np.inf)))
            one["high"] = max(one["high"], float(values.max(initial=-np.inf)))
            one["power"] += float((values**2).sum())
            one["cut"] += float(((values - np.clip(values, low, high)) ** 2).sum())
    return {"tensors": found}
