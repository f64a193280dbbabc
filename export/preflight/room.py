"""Whether the disks have room for the files of an export."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from export.preflight.model_facts import ModelFacts
from export.quantization.requested import formats
from export.recipe import Recipe
from export.scheme import FLOAT32
from export.units import size_in_words
from zoo.errors import OutsideError


def check_room(recipe: Recipe, facts: ModelFacts) -> None:
    """Check that the weights fit on the disks of the output folder and of temporary files; the least that is needed.

    Raises:
        OutsideError: they do not.
    """
    count = len(formats(recipe))
    written = facts.weight_count * sum(scheme.weight_bits for scheme in recipe.schemes) // 8 * count
    passing = facts.weight_count * FLOAT32.weight_bits // 8 * count  # float files, from which all others are derived
    out = next(folder for folder in (recipe.out, *recipe.out.absolute().parents) if folder.exists())
    for folder, needed, how in (
        (out, written, "--out with a folder on another disk"),
        (Path(tempfile.gettempdir()), passing, "TMPDIR=FOLDER before the command"),
    ):
        free = shutil.disk_usage(folder).free
        if free < needed:
            raise OutsideError(
                f"the files need at least {size_in_words(needed)}, and the disk of {folder} has {size_in_words(free)} "
                f"left; free some space, or type {how}"
            )
