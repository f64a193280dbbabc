"""One evaluator for all files: each runs in its own runtime and is compared with the float file on the same photos."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from calibration.samples import INDEX, Array
from export import process
from export.formats.session import OpCount
from export.metrics import accuracy, compare
from export.runtime.jobs.describe import describe
from export.runtime.run_file import measure
from zoo.errors import CheckFailedError


@dataclass(frozen=True, kw_only=True)
class Score:
    """How good an int8 file is.

    Attributes:
        top1: share of photos whose class the file predicts.
        drop_points: difference to the top-1 of the float file, in points.
        same_prediction: share of photos for which the file and the float file predict the same class.
        sqnr_db: of the logits against the float file's, all photos pooled, in float64.
        integer_share: of the operators that compute, how many do so in integers in the runtime.
        float_operators: those that do not, "Conv x 27".
    """

    top1: float
    drop_points: float
    same_prediction: float
    sqnr_db: float
    integer_share: float
    float_operators: str


def score(*, reference: Array, actual: Array, labels: Array, census: Iterable[OpCount]) -> Score:
    """Return the score of real logits (N, classes) against the float file's and the labels (N,)."""
    compared = compare(reference=reference, actual=actual)
    expected, found = accuracy(reference, labels)[0], accuracy(actual, labels)[0]
    assert compared.top1_agreement is not None  # logits are rows of classes
    share, in_float = integers(census)
    return Score(
        top1=found,
        drop_points=100 * (expected - found),
        same_prediction=compared.top1_agreement,
        sqnr_db=compared.sqnr_db,
        integer_share=share,
        float_operators=in_float,
    )


def integers(census: Iterable[OpCount]) -> tuple[float, str]:
    """Return the share of the computing operators that compute in integers, and the others in words."""
    computing = [count for count in census if count.arithmetic != "none"]
    total = sum(count.count for count in computing)
    in_float = [count for count in computing if count.arithmetic == "float"]
    share = 1 - sum(count.count for count in in_float) / total if total else 0.0
    return share, ", ".join(f"{count.op} x {count.count}" for count in in_float)


def logits(path: Path, samples: Path, work: Path, *, camera_bytes: bool) -> tuple[Array, tuple[OpCount, ...]]:
    """Return the file's real outputs (N, classes) for the saved samples, on one thread, and its operators.

    Raises:
        RuntimeCrashError: the runtime cannot load or run the file.
        CheckFailedError: it has not one input and one output.
    """
    facts = process.call(describe, path=path)
    if len(facts["inputs"]) != 1 or len(facts["outputs"]) != 1:
        raise CheckFailedError(f"the file has {len(facts['inputs'])} inputs and {len(facts['outputs'])} outputs")
    (image,), folder = facts["inputs"], work / "renamed"
    renamed(samples, image["name"], folder)
    measured = measure(path, folder, camera_bytes=camera_bytes)
    (found,) = measured.real.values()
    return found, measured.census


def renamed(samples: Path, name: str, folder: Path) -> None:
    """Write the samples to `folder` with another name of their one input; the arrays are linked, not copied."""
    for old in folder.glob("*"):
        old.unlink()
    folder.mkdir(exist_ok=True)
    for array in samples.glob("*.npy"):
        (folder / array.name).symlink_to(array)
    record = json.loads((samples / INDEX).read_text(encoding="utf-8"))
    (folder / INDEX).write_text(json.dumps({**record, "inputs": [name], "photo_input": name}), encoding="utf-8")
