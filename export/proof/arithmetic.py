"""The check that every operator of an integer file computes what its source predicts.

The source of the primary format's file is the float file; other formats are derived from the primary format's file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from calibration.enlarged import TIMES
from export import process
from export.proof.check import CheckResult, Results, failed
from export.proof.tolerances import ARITHMETIC
from export.runtime.jobs.isolate import isolate
from zoo.errors import OutsideError

ID = "arithmetic"
NAMED = 3  # Activations that a message lists.


def check(path: Path, source: Path, samples: Path, *, camera_bytes: bool, is_sibling: bool = False) -> Results:
    """Compare what every operator of an integer file stores with what its source predicts for the same stored inputs.

    Args:
        path: of the integer file.
        source: path of the float file that it was quantized from, or of the file of the primary format.
        samples: folder of the samples.
        camera_bytes: whether its input takes the bytes of photos.
        is_sibling: whether the source is the primary format's file.
    """
    try:
        found = process.call(
            isolate,
            path=path,
            source=source,
            is_sibling=is_sibling,
            samples=samples,
            camera_bytes=camera_bytes,
        )
    except OutsideError as error:
        return failed(ID, "the operators", str(error))
    compared = CheckResult.at_most(
        ARITHMETIC["int16" if found["dtype"].endswith("int16") else "int8"],
        min(found["steps"], 1e300),
        id=ID,
        subject=found["where"] or f"{found['operators']} operators",
        quantity="distance from the predicted numbers",
        unit="steps",
    )
    return (compared, *_reached(found["reach"], found["samples"]))


def _reached(reach: Mapping[str, Any] | None, samples: int) -> Iterator[CheckResult]:
    """Yield what the samples reach, and name the activations that they leave constant."""
    if reach is None:
        return
    share = reach["channels_that_vary"] / reach["channels"]
    named = f"; constant: {', '.join(reach['constant'][:NAMED])}" if reach["constant"] else ""
    yield CheckResult(
        id=ID,
        subject="what the samples reach",
        quantity="share of channels that vary",
        value=share,
        threshold=None,
        direction=None,
        passed=True,
        reason=(
            f"{reach['channels_that_vary']} of {reach['channels']} channels vary, and "
            f"{reach['activations_at_both_ends']} of {reach['activations']} activations reach both ends of their "
            f"grids, on {samples} samples as they are and {TIMES} times enlarged{named}"
        ),
    )
