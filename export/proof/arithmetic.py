"""The check that every operator of an integer file computes what the float operator predicts."""

from __future__ import annotations

from pathlib import Path

from export import process
from export.proof.check import CheckResult
from export.proof.tolerances import ARITHMETIC
from export.runtime.jobs.isolate import isolate
from zoo.errors import OutsideError

ID = "arithmetic"
SAMPLES = 2  # Each operator computes thousands of numbers on one.


def check(path: Path, float_path: Path, samples: Path, *, camera_bytes: bool) -> CheckResult:
    """Feed every float operator what the file stores, and compare its outputs with those that the file stores.

    Args:
        path: of the integer file.
        float_path: of the float file that it was quantized from, with the same operators.
        samples: folder of the samples.
        camera_bytes: whether its input takes the bytes of photos.
    """
    try:
        found = process.call(
            isolate, path=path, float_file=float_path, samples=samples, count=SAMPLES, camera_bytes=camera_bytes
        )
    except OutsideError as error:
        return CheckResult.stated(ID, "the operators", str(error), passed=False)
    return CheckResult.at_most(
        ARITHMETIC["int16" if found["dtype"].endswith("int16") else "int8"],
        min(found["steps"], 1e300),
        id=ID,
        subject=found["where"] or f"{found['operators']} operators",
        quantity="distance from the predicted numbers",
        unit="steps",
    )
