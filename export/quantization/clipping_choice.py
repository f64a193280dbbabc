"""Whether clipping the ranges of activations pays: measured on files, because sensitivities only estimate it.

Gradients tell how little an activation matters on average. Behind a tanh or a softmax that is sometimes saturated they
say too little: clipped by them, a network with additive attention lost 9 dB.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from calibration.ranges import Ranges
from calibration.samples import Array
from export import temporary
from export.errors import ConversionError
from export.formats import PRIMARY, QuantizationPlan
from export.metrics import OutputKind, compare
from export.model import entries, reference
from export.quantization.export_run import ExportRun
from export.recipe import Io
from export.runtime.run_file import measure, written
from export.scheme import INT8
from zoo.errors import OutsideError

# Of the calibration. Few of them hold the values that clipping cuts: an attention that lost 5 dB on other samples
# seemed to lose half a decibel on 32, and 3 dB on all.
SAMPLES = 100
LARGEST_WEIGHTS = 5_000_000  # larger networks take seconds for each sample of a comparison
# By how much the file without clipping must be better: below that, other samples decide which one is (by up to 0.9 dB
# either way). A residual network over steps that seemed to lose 0.7 dB by clipping lost 2.6 dB on other samples.
MARGIN_DB = 0.5


def costs_too_much(run: ExportRun, content: bytes, whole: Ranges, clipped: Ranges) -> bool:
    """Return whether an int8 file with the observed ranges is better by `MARGIN_DB` than one with clipped ranges.

    Args:
        run: of the export.
        content: the float file, in the primary format.
        whole: the observed ranges of its activations.
        clipped: the ranges chosen by sensitivity.
    """
    if clipped.by_tensor == whole.by_tensor or run.subject.model.count_params() > LARGEST_WEIGHTS:
        return False
    run.progress.step("compare the ranges")
    calibration = run.samples.calibration
    samples = calibration.take(np.arange(min(SAMPLES, len(calibration))))
    expected = reference.outputs(run.subject.model, samples)
    with temporary.folder() as folder:
        samples.save(Path(folder) / "samples")
        try:
            outputs = [_outputs(run, content, ranges, Path(folder)) for ranges in (whole, clipped)]
        except (ConversionError, OutsideError):  # the file's own row says so
            return False
    kinds = entries.output_kinds(run.subject)
    judged = [name for name in expected if kinds[name] is not OutputKind.LABELS]
    gains_db = [_sqnr_db(expected, outputs[0], name) - _sqnr_db(expected, outputs[1], name) for name in judged]
    return bool(judged) and min(gains_db) >= 0 and float(np.mean(gains_db)) > MARGIN_DB


def _outputs(run: ExportRun, content: bytes, ranges: Ranges, folder: Path) -> Mapping[str, Array]:
    camera, photo = run.camera_range, run.photo_input
    plan = QuantizationPlan(
        scheme=INT8, io=Io.FLOAT32, ranges=ranges, input_ranges={photo: camera} if camera and photo else {}
    )
    path = written(folder, f"{INT8}{PRIMARY.suffix}", PRIMARY.quantize(content, plan, {}))
    return measure(path, folder / "samples", camera_bytes=False, hurry=True).real


def _sqnr_db(expected: Mapping[str, Array], found: Mapping[str, Array], name: str) -> float:
    return compare(reference=expected[name], actual=found[name]).sqnr_db
