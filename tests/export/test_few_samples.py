"""Shares of few samples are unreliable, so tolerances depend on the sample count."""

from __future__ import annotations

import numpy as np
import pytest

from export.metrics import by_shape
from export.proof import integer_model
from export.proof.integer_model import BaseOutputs
from export.proof.tolerances import RECONSTRUCTION


@pytest.mark.parametrize(("count", "changed", "passed"), [(8, 2, True), (8, 5, False), (64, 8, True), (64, 16, False)])
def test_tolerance_for_changed_predictions_depends_on_the_sample_count(count: int, changed: int, passed: bool) -> None:
    """The first two classes are nearly equal, so a prediction changes although the outputs hardly do."""
    expected = np.random.default_rng(0).normal(size=(count, 10)) * 0.1
    expected[:, 0], expected[:, 1] = 10.0, 9.999
    found = expected.copy()
    found[:changed, 1] = 10.001
    outputs = {"logits": found.astype(np.float32)}
    given = BaseOutputs(model=outputs, float_file=outputs, equalized=None)
    model = {"logits": expected.astype(np.float32)}
    judged = integer_model.reconstruction(model, given, RECONSTRUCTION, by_shape(model))
    assert all(check.passed for check in judged) == passed
