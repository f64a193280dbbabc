"""The checks of the model that integer files are derived from: its channels, weights, outputs and float file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from calibration.samples import Array, Samples
from export.model import reference
from export.passes.integer_model import Reconstruction
from export.proof import compare
from export.proof.check import Check
from export.proof.tolerances import EQUALIZATION, MOVED_WEIGHTS, RECONSTRUCTION, for_count
from export.recipe import Precision

Outputs = Mapping[str, Array]


def equalization(made: Reconstruction, expected: Outputs, probe: Samples) -> tuple[Check, ...]:
    """Judge whether scaled and moved channels say what the original says on `probe`, where that is not certain.

    The stage itself sees the calibration samples only, below whose caps it stays.
    """
    if made.equalized is None:
        return ()
    found = reference.outputs(made.equalized, probe)
    judged = compare.prove(expected, found, Precision.W8A32, judge=True, bar=EQUALIZATION)
    return tuple(replace(check, question="equalization") for check in judged.checks)


def checks(made: Reconstruction, expected: Outputs, found: Outputs, float_file: Outputs) -> tuple[Check, ...]:
    """Judge what integers were made of: its weights, its answers, and its float file.

    Args:
        made: with a reconstructed model.
        expected: of the original, (N, ...) by output name.
        found: of the reconstructed model.
        float_file: of that one's float file.
    """
    drift = Check.at_most(
        MOVED_WEIGHTS,
        made.moved,
        question="drift",
        output=f"a channel of {made.where}",
        quantity="weights moved, share of their norm",
    )
    bar = for_count(RECONSTRUCTION, len(next(iter(expected.values()))))
    answers = (
        *compare.prove(expected, found, Precision.W8A32, judge=True, bar=bar).checks,
        *compare.prove(found, float_file, Precision.FLOAT32, judge=True).checks,
    )
    return (*(replace(check, question="reconstruction") for check in answers), drift)
