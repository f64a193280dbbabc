"""Job: run a file with plain kernels, those that microcontrollers share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from export.formats import PRIMARY


def run_plain(path: str, inputs: str, outputs: str) -> dict[str, Any]:
    """Run a file on the stored inputs (N, ...) in an .npz, and write its stored outputs (N, ...) to another."""
    session = PRIMARY.open_plain(Path(path))
    with np.load(inputs, allow_pickle=False) as arrays:
        fed = {name: arrays[name] for name in arrays.files}
    count = len(next(iter(fed.values())))
    rows = [session.run({name: values[index : index + 1] for name, values in fed.items()}) for index in range(count)]
    found: dict[str, Any] = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    np.savez(outputs, **found)
    return {}
