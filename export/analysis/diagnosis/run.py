"""Diagnose one file: match its tensors to Keras layers, and measure their errors."""

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


# Enough samples, because an activation has thousands of elements; the proof compares outputs on more samples.
COUNT = 16
TIMEOUT_SECONDS = 3600  # For a large network on a small board.


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
    """Return the diagnosis of the file at `path`.

    Args:
        model: the original model.
        float_file: path of its float file in the primary format.
        path: path of the quantized file, in any format.
        samples: samples other than the calibration samples.
        folder: the folder with the saved samples.
        camera_bytes: whether to feed uint8 photos without normalisation.
        circumstances: how the file was quantized.

    Raises:
        UsageProblemError: the file is not quantized, or does not belong to this model.
        RuntimeCrashError: a runtime cannot load or run one of the files.
    """
    attributions = attributed(model, float_file, samples, folder)
    matched = sum(attribution.matched for attribution in attributions.values())
    if 2 * matched < len(attributions):
        raise UsageProblemError(
            f"{float_file.name} does not match the model: most layers compute other values; type --model with the "
            "model that was exported"
        )
    result = process.call(
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
        errors=[LayerError.from_record(record) for record in result["layers"]],
        missing=result["missing"],
        output_sqnr_db=result["output_sqnr_db"],
        attributions=attributions,
        circumstances=circumstances,
        sample_count=min(COUNT, len(samples)),
        source=samples.source,
    )
