"""--max-drop without labels counts changed predictions; it is refused if the model makes too few different ones."""

from __future__ import annotations

import numpy as np
import pytest

from calibration.samples import Array
from export.analysis.budget.run import _check_distinct_predictions
from zoo.errors import UsageProblemError


def outputs_of(*best: int, classes: int) -> dict[str, Array]:
    return {"logits": np.eye(classes, dtype=np.float32)[list(best)]}


@pytest.mark.parametrize(("best", "classes"), [([3] * 64, 10), ([0, 1, 2] * 20, 10), ([1] * 64, 2), ([0, 1] * 9, 3)])
def test_max_drop_is_refused_if_the_model_makes_too_few_different_predictions(best: list[int], classes: int) -> None:
    with pytest.raises(UsageProblemError, match=r"only \d different predictions? on these samples; give .* --evaluate"):
        _check_distinct_predictions(outputs_of(*best, classes=classes))


@pytest.mark.parametrize(("best", "classes"), [([0, 1, 2, 3] * 8, 10), ([0, 1] * 9, 2), ([0, 1, 2] * 9, 3)])
def test_max_drop_is_accepted_if_the_predictions_differ(best: list[int], classes: int) -> None:
    _check_distinct_predictions(outputs_of(*best, classes=classes))
    _check_distinct_predictions({"mask": np.zeros((9, 8, 8, 4), np.float32)})
