"""Diagnose one file: which layer is which, what each costs, and the verdict."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from calibration.samples import Samples
from export import process
from export.analysis.diagnosis.diagnosis import Diagnosis, diagnose
from export.analysis.diagnosis.suggestions import Circumstances
from export.quantization.tensor_map import attributed
from export.runtime.jobs.dissect import dissect
from export.runtime.jobs.layer_error import LayerError
from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    import keras

# Enough for powers of activations, which have thousands of elements; the proof judges answers on more.
COUNT = 16
TIMEOUT_SECONDS = 3600  # A large network on a small board.


def examined(
    *,
    model: keras.Model,
    float_file: Path,
    path: Path,
    samples: Samples,
    folder: Path,
    camera_bytes: bool,
    circumstances: Circumstances,
) -> Diagnosis:
    """Return where the file at `path` lost its accuracy.

    Args:
        model: the original.
        float_file: its float file in the primary format.
        path: of the quantized file, of any format.
        samples: that no range was observed on.
        folder: where they are saved.
        camera_bytes: feed the photos' bytes to a uint8 input.
        circumstances: of the export.

    Raises:
        UsageProblemError: the file holds no integers, or is not of this model.
        RuntimeCrashError: a runtime cannot load or run one of the files.
    """
    attributions = attributed(model, float_file, samples, folder)
    matched = sum(attribution.matched for attribution in attributions.values())
    if 2 * matched < len(attributions):
        raise UsageProblemError(
            f"{float_file.name} is not this model: its layers give other values; name the model that was exported"
        )
    answer = process.call(
        dissect,
        timeout_s=TIMEOUT_SECONDS,
        path=path,
        float_file=float_file,
        samples=folder,
        count=COUNT,
        camera_bytes=camera_bytes,
    )
    return diagnose(
        file=path.name,
        errors=[LayerError.from_record(record) for record in answer["layers"]],
        missing=answer["missing"],
        output_sqnr_db=answer["output_sqnr_db"],
        attributions=attributions,
        circumstances=circumstances,
        sample_count=min(COUNT, len(samples)),
        source=samples.source,
    )
