"""How near two formats of one network that reads text must be to each other, where only one rounds its rows."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from export.formats.session import TensorSpec
from export.metrics import OutputKind
from export.proof import format_agreement
from export.scheme import INT4, INT8_DYNAMIC, Scheme

SHAPE = (16, 24, 30)
RNG = np.random.default_rng(0)
MODEL = RNG.normal(size=SHAPE) + 12 * np.eye(30)[RNG.integers(0, 30, SHAPE[:2])]


def noise(db: float) -> Any:
    """Return noise that lies so much below the signal."""
    made = RNG.normal(size=SHAPE)
    return made * np.linalg.norm(MODEL) / np.linalg.norm(made) * 10 ** (-db / 20)


def agrees(scheme: Scheme, first: Any, second: Any) -> bool:
    spec = TensorSpec(name="logits", shape=(1, *SHAPE[1:]), dtype="float32")
    files: Any = [SimpleNamespace(real={"logits": real}, outputs=(spec,), census=()) for real in (first, second)]
    kinds = {"logits": OutputKind.NEXT_TOKENS}
    results = format_agreement.check(*files, scheme, magnifies=False, expected={"logits": MODEL}, kinds=kinds)
    return all(one.passed for one in results)


WEIGHTS = noise(22)  # the error that both formats share


def test_weights_of_4_bits_and_rows_that_one_format_rounds_agree() -> None:
    assert agrees(INT4, MODEL + WEIGHTS + noise(27.0), MODEL + WEIGHTS + noise(27.0))


@pytest.mark.parametrize("scheme", [INT4, INT8_DYNAMIC])
def test_a_fault_in_one_of_the_files_makes_them_disagree(scheme: Scheme) -> None:
    """Planted: an error of one file that is as large as that of its weights, or half as large."""
    assert not agrees(scheme, MODEL + WEIGHTS, MODEL + WEIGHTS + noise(22))
    if scheme == INT4:
        assert not agrees(scheme, MODEL + WEIGHTS, MODEL + WEIGHTS + noise(26.5))
