"""The check that every operator of an integer file computes what its source predicts.

The source of the primary format's file is the float file; other formats are derived from the primary format's file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from export import process
from export.proof.check import CheckResult, Results, failed
from export.proof.tolerances import ARITHMETIC
from export.runtime.jobs.isolate import isolate
from zoo.errors import OutsideError

ID = "arithmetic"
NAMED = 3  # Activations that a message lists.


def check(
    path: Path,
    source: Path,
    samples: Path,
    *,
    calibration: Path | None = None,
    camera_bytes: bool,
    is_sibling: bool = False,
) -> Results:
    """Compare what every operator of an integer file stores with what its source predicts for the same stored inputs.

    Args:
        path: of the integer file.
        source: path of the float file that it was quantized from, or of the file of the primary format.
        samples: folder of the samples of the proof.
        calibration: folder of the samples that the ranges were observed on; None if they are not known.
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
            calibration=calibration or "",
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
    return (compared, *_reached(found))


def _reached(found: Mapping[str, Any]) -> Iterator[CheckResult]:
    """Yield what the samples reach, and name the activations with channels that they leave constant."""
    reach = found["reach"]
    if reach is None:
        return
    constant, idle = reach["channels"] - reach["channels_that_vary"], sum(one for one, _ in reach["idle"].values())
    parts = [
        f"{reach['channels_that_vary']} of {reach['channels']} channels vary, and "
        f"{reach['activations_at_both_ends']} of {reach['activations']} activations reach both ends of their grids, on "
        f"{found['samples']} samples, those that reach most among {found['candidates']} real and made ones"
    ]
    if idle:
        parts.append(
            f"{idle} channels stay at the lower end of their grids, as behind a relu: {_most_idle(reach['idle'])}"
        )
    if constant > idle:
        parts.append(f"{constant - idle} channels have another constant")
    if reach["constant"]:
        parts.append(f"constant activations: {', '.join(reach['constant'][:NAMED])}")
    yield CheckResult(
        id=ID,
        subject="what the samples reach",
        quantity="share of channels that vary",
        value=reach["channels_that_vary"] / reach["channels"],
        threshold=None,
        direction=None,
        passed=True,
        reason="; ".join(parts),
    )


def _most_idle(idle: Mapping[str, tuple[int, int]]) -> str:
    """Return the activations with the most idle channels, as text."""
    listed = sorted(idle.items(), key=lambda one: -one[1][0])
    more = f" and {len(listed) - NAMED} more" if len(listed) > NAMED else ""
    return ", ".join(f"{name} ({count} of {channels})" for name, (count, channels) in listed[:NAMED]) + more
