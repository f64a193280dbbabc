"""Options that change nothing in the files that a recipe requests."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import zoo
from calibration.observers import SENSITIVITY
from export.quantization.requested import formats
from export.recipe import UNROLLED_STEPS, Recipe
from export.scheme import INT8, W8A16


def notes(recipe: Recipe, typed: Collection[str] = ()) -> tuple[str, ...]:
    """Return a sentence for every option that has no effect, or less than its name says.

    Args:
        recipe: the export.
        typed: names of fields that were given although they have the value of the default.
    """
    if recipe.budget.chooses_precision:
        return ()  # the search may choose any precision
    precisions = ", ".join(map(str, recipe.schemes))
    proof_only = f"--calibration only gives the samples of the proof: {precisions} files need no calibration"
    calibrated = any(scheme.needs_calibration for scheme in recipe.schemes)
    return (
        # A model of the user's own may have no other samples, and its proof needs some.
        *([proof_only] if recipe.calibration is not None and not calibrated and recipe.model in zoo.names() else []),
        *(f"{flag} has no effect on {precisions} files{remedy}" for flag, remedy in _idle(recipe, typed)),
    )


def _idle(recipe: Recipe, typed: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield every option without effect, with the words behind the sentence."""
    calibrated = any(scheme.needs_calibration for scheme in recipe.schemes)
    integers = any(scheme.has_integer_weights for scheme in recipe.schemes)
    if recipe.io is not None and INT8 not in recipe.schemes:
        yield "--io", "; it is for int8 files: add --int8"
    if "calibration_count" in typed and not calibrated:
        yield "--calibration-count", ", which need no ranges"
    if (recipe.observer != SENSITIVITY or "observer" in typed) and not calibrated:
        yield "--observer", ", which need no ranges"
    if not recipe.reconstruct and not integers:
        yield "--no-reconstruct", ", whose weights are no integers"
    if (recipe.unroll != UNROLLED_STEPS or "unroll" in typed) and not {INT8, W8A16} & set(recipe.schemes):
        yield "--unroll", "; it is for int8 and w8a16"
    # Only the format of one fixed set of operators borrows those of TensorFlow.
    if recipe.allow_select_tf_ops and all(one.operator_sets for one in formats(recipe)):
        yield "--allow-select-tf-ops", " of this format"
