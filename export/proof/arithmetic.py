"""The check that every operator of an integer file computes what its source predicts.

The source of the primary format's file is the float file; other formats are derived from the primary format's file.
"""

from __future__ import annotations

from pathlib import Path

from export import process
from export.proof.check import CheckResult
from export.proof.tolerances import ARITHMETIC
from export.runtime.jobs.isolate import isolate
from zoo.errors import OutsideError

ID = "arithmetic"
SAMPLES = 2  # Each operator computes thousands of numbers on one.


def check(path: Path, source: Path, format: str, samples: Path, *, camera_bytes: bool) -> CheckResult:
    """Compare what every operator of an integer file stores with what its source predicts for the same stored inputs.

    Args:
        path: of the integer file.
        source: path of the float file that it was quantized from, or of the file of the primary format.
        format: name of the file's format.
        samples: folder of the samples.
        camera_bytes: whether its input takes the bytes of photos.
    """
    try:
        found = process.call(
            isolate,
            path=path,
            source=source,
            format=format,
            samples=samples,
            count=SAMPLES,
            camera_bytes=camera_bytes,
        )
    except OutsideError as error:
        return CheckResult.stated(ID, "the operators", str(error), passed=False)
    return CheckResult.at_most(
        ARITHMETIC["int16" if found["dtype"] == "int16" else "int8"],
        min(found["steps"], 1e300),
        id=ID,
        subject=found["where"] or f"{found['operators']} operators",
        quantity="distance from the predicted numbers",
        unit="steps",
    )
