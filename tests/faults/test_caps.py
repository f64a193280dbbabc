"""A cap that no sample reaches is found: float files are compared on enlarged inputs too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import zoo
from export.formats import FORMATS
from export.scheme import FLOAT32
from tests.faults.faults import FAULTS
from tests.faults.float_faults import float_variants
from tests.faults.networks import Network, Planted, fashion, lenet
from zoo.preprocessing import Preprocessing


def dim(preprocessing: Preprocessing) -> tuple[Any, Any]:
    """Return photos so dark that no activation of LeNet-5 reaches 6."""
    one, two = fashion(preprocessing)
    return one // 8, two // 8


@pytest.mark.parametrize("format_name", FORMATS)
def test_relu6_in_place_of_relu_is_found_on_dark_photos(format_name: str, tmp_path: Path) -> None:
    network = Network("dim", lenet, zoo.find("lenet5").preprocess(), dim, tmp_path)
    fault = next(one for one in FAULTS if one.name == "relu6 in place of relu")
    key = format_name, FLOAT32
    file = network.judged(key, fault.plant(network, key), f"capped-{format_name}")
    on_samples, enlarged = (check for check in file.checks if check.id == "parity")
    assert on_samples.passed
    assert not enlarged.passed


@pytest.mark.large
def test_a_float_file_whose_outputs_have_another_shape_is_not_proven(network: Callable[[str], Network]) -> None:
    chosen, key = network("lenet5"), ("tflite", FLOAT32)
    (_, _, content), *_ = float_variants(chosen.content(key), 9, ["padding of the other kind"])
    file = chosen.judged(key, Planted(contents={key: content}), "another-shape")
    assert file.failures
    named = [check for check in file.checks if check.subject.startswith("inputs enlarged")]
    assert file.trouble or [check.passed for check in named] == [False]
