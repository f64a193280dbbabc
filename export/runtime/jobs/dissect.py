"""Job: measure the error of each layer of a quantized file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from calibration.samples import Samples
from export.formats import format_of
from export.runtime.jobs.feed import feed
from export.runtime.jobs.layer_errors import layer_errors, together


def dissect(path: str, float_file: str, samples: str, count: int, camera_bytes: bool) -> dict[str, Any]:
    """Compare every activation of a quantized file with the float file's, on the first samples.

    Args:
        path: path of the quantized file.
        float_file: path of the float file in the primary format.
        samples: a folder that `Samples.save` wrote.
        count: maximum number of samples.
        camera_bytes: whether to feed uint8 photos without normalisation.
    """
    loaded = Samples.load(Path(samples))
    dissector = format_of(Path(path)).dissect(Path(path), Path(float_file))
    pairs = [
        (
            {name: np.asarray(values[index : index + 1]) for name, values in loaded.inputs.items()},
            feed(dissector, loaded, index, camera_bytes),
        )
        for index in range(min(count, len(loaded)))
    ]
    errors = layer_errors(dissector, pairs)
    return {
        "layers": [error.record() for error in errors],
        "missing": list(dissector.missing),
        "output_sqnr_db": min(together(dissector, errors)),
    }
