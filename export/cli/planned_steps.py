"""The steps that an export is known to have."""

from __future__ import annotations

from export.formats import FORMATS
from export.quantization.requested import keys
from export.recipe import Recipe
from export.scheme import FLOAT32, INT8


def of_export(recipe: Recipe) -> tuple[str, ...]:
    """Return the names of the steps of an export, in order; empty if a budget chooses the files."""
    if recipe.budget.chooses_precision:
        return ()
    files = keys(recipe)
    schemes = [scheme for _, scheme in files if scheme != FLOAT32]
    quantized = [f"quantize the .{name} to {scheme}" for name, scheme in files if scheme != FLOAT32]
    return (
        *("build the model", "draw the samples", "run the Keras model"),
        *(["prune the model"] if recipe.passes else []),
        *(f"convert to .{name}" for name in FORMATS if (name, FLOAT32) in files),
        *(["reconstruct the weights"] if any(scheme.has_integer_weights for scheme in schemes) else []),
        *(["observe the ranges"] if any(scheme.needs_calibration for scheme in schemes) else []),
        *quantized,
        *(f"prove the {scheme} .{name}" for name, scheme in files),
        *(f"diagnose the {INT8} .{name}" for name, scheme in files if scheme == INT8 and recipe.diagnose),
        "write the files",
    )
