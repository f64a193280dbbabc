"""A pruned model that keeps too few of the original's predictions is refused."""

from __future__ import annotations

import numpy as np
import pytest

from export.analysis.original import Original, judged
from export.model.subject import load_subject
from export.proof.artifact import Artifact
from export.recipe import Recipe
from export.scheme import FLOAT32


@pytest.mark.parametrize(("kept", "passes"), [(70, True), (60, False)])
def test_a_model_must_keep_two_thirds_of_the_predictions(kept: int, passes: bool) -> None:
    original = np.random.default_rng(0).normal(size=(100, 10))
    pruned = original.copy()
    pruned[kept:] = np.roll(pruned[kept:], 1, axis=1)  # Every prediction becomes that of the next class.
    subject = load_subject(Recipe(model="lenet5"))
    file = Artifact(name="lenet5", format="tflite", scheme=FLOAT32, suffix=".tflite")
    (found,) = judged([file], Original(subject=subject, outputs={"logits": original}), {"logits": pruned})
    (check,) = found.checks
    assert (check.id, check.passed) == ("pruning", passes)
    assert check.value == pytest.approx(kept / 100)
