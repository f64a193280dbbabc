"""A share of few samples says little: bars know how many there are."""

from __future__ import annotations

import numpy as np
import pytest

from export.passes.integer_model import Reconstruction
from export.proof import integer_model


@pytest.mark.parametrize(("count", "changed", "passed"), [(8, 2, True), (8, 5, False), (64, 8, True), (64, 16, False)])
def test_changed_answers_of_a_reconstructed_model_are_judged_by_how_many_were_asked(
    count: int, changed: int, passed: bool
) -> None:
    """The first two classes are nearly a tie: an answer changes, and hardly a number does."""
    expected = np.random.default_rng(0).normal(size=(count, 10)) * 0.1
    expected[:, 0], expected[:, 1] = 10.0, 9.999
    found = expected.copy()
    found[:changed, 1] = 10.001
    making = Reconstruction(model=None, records=[], before={}, after={}, moved=0.1, where="conv")
    outputs = {"logits": found.astype(np.float32)}
    judged = integer_model.checks(making, {"logits": expected.astype(np.float32)}, outputs, outputs)
    assert all(check.passed for check in judged) == passed
