"""Labels are compared by how many are equal: the difference of two indices means nothing."""

from __future__ import annotations

import numpy as np
import pytest

from export.metrics import OutputKind
from export.model.tensor_spec import TensorSpec
from export.proof.compare import agreement, compare_outputs
from export.proof.tolerances import EQUALIZATION, PARITY, RECONSTRUCTION, REPRODUCTION, Tolerance, for_few
from export.scheme import FLOAT16, FLOAT32, INT8, W8A16, W8A32, Scheme

KINDS = {"label": OutputKind.LABELS}
REFERENCE = {"label": np.random.default_rng(0).integers(0, 100, 64)}


def changed(count: int) -> dict[str, np.ndarray]:
    labels = REFERENCE["label"].copy()
    labels[:count] = (labels[:count] + 50) % 100
    return {"label": labels}


def fidelity(scheme: Scheme, count: int) -> bool:
    found = compare_outputs(REFERENCE, changed(count), scheme, has_thresholds=True, kinds=KINDS)
    return all(check.passed for check in found.checks)


@pytest.mark.parametrize(("scheme", "most"), [(FLOAT32, 0), (FLOAT16, 3), (INT8, 22), (W8A16, 22), (W8A32, 22)])
def test_a_file_may_change_as_many_labels_as_its_precision_may_change_classes(scheme: Scheme, most: int) -> None:
    assert fidelity(scheme, most)
    assert not fidelity(scheme, most + 1)


@pytest.mark.parametrize(("scheme", "most"), [(FLOAT32, 0), (W8A32, 0), (FLOAT16, 3), (INT8, 3), (W8A16, 3)])
def test_two_formats_agree_on_nearly_all_labels(scheme: Scheme, most: int) -> None:
    specs = {"label": TensorSpec(name="label", shape=(1,), dtype="int32", scale=None, zero_point=None)}
    assert [
        all(check.passed for check in agreement(REFERENCE, changed(count), specs, scheme, kinds=KINDS))
        for count in (most, most + 1)
    ] == [True, False]


@pytest.mark.parametrize(
    ("tolerance", "most"), [(REPRODUCTION, 0), (for_few(PARITY, 4), 0), (EQUALIZATION, 3), (RECONSTRUCTION, 9)]
)
def test_other_comparisons_keep_their_thresholds(tolerance: Tolerance, most: int) -> None:
    for count, passed in ((most, True), (most + 1, False)):
        found = compare_outputs(REFERENCE, changed(count), W8A32, has_thresholds=True, tolerance=tolerance, kinds=KINDS)
        assert all(check.passed for check in found.checks) == passed
