"""The proof catches what a wrong quantizer would write into an int8 .tflite, whatever the outputs look like."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from export.formats.tflite import flatbuffer
from export.scheme import INT8
from tests.faults.float_faults import float_variants
from tests.faults.integer_faults import INTEGER_FAULTS
from tests.faults.networks import Network, Planted
from tests.faults.requantized import Requantizer

KEY = ("tflite", INT8)
NETWORKS = ("lenet5", "mobilenet_tiny", "mobilenet_v2_tiny")

# Faults that a network has no place for.
NO_RELU6 = {"cap of 1 in place of 6", "relu in place of relu6"}
NO_DEPTHWISE = {"padding of the other kind"}
NO_SUM = {"another skip connection"}
WITHOUT = {
    "lenet5": NO_RELU6 | NO_DEPTHWISE | NO_SUM,
    "mobilenet_tiny": NO_SUM,
    "mobilenet_v2_tiny": set[str](),
}


# The others run with the large tests, and so do all of the other networks.
QUICK = {
    *(
        "cap of 1 in place of 6",
        "relu behind a linear layer",
        "another skip connection",
        "last bias at 1.02 of its scale",
    ),
    *("one layer on 3 bits", "one scale for all channels"),
}


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        pytest.param(fault, name, marks=() if name == "mobilenet_v2_tiny" and fault in QUICK else pytest.mark.large)
        for name in NETWORKS
        for fault in INTEGER_FAULTS
        if fault not in WITHOUT[name]
    ],
)
def test_the_proof_catches_the_fault(fault: str, name: str, network: Callable[[str], Network]) -> None:
    chosen = network(name)
    model = flatbuffer.read(chosen.content(KEY))
    assert INTEGER_FAULTS[fault](model)
    planted = Planted(contents={KEY: flatbuffer.write(model)})
    assert chosen.is_changed_by(planted)
    file = chosen.judged(KEY, planted, f"integer-{fault}")
    named = {check.id for check in file.checks if not check.passed}
    assert named & {"structure", "arithmetic", "storage", "ranges"} or file.trouble, str(file.checks)


CAUGHT_BY = {
    "structure": "dilation of 2",
    "arithmetic": "all biases at 0.9 of their scale",
    "storage": "weights on 7 bits",
    "ranges": "grids 1.2 times as wide",
}


@pytest.mark.parametrize("check", CAUGHT_BY)
def test_every_check_catches_its_fault(check: str, network: Callable[[str], Network]) -> None:
    chosen = network("mobilenet_v2_tiny")
    model = flatbuffer.read(chosen.content(KEY))
    assert INTEGER_FAULTS[CAUGHT_BY[check]](model)
    file = chosen.judged(KEY, Planted(contents={KEY: flatbuffer.write(model)}), f"integer-check-{check}")
    assert check in {result.id for result in file.checks if not result.passed}


REQUANTIZED = ("dilation of 2", "another skip connection")  # The others run with the large tests.


@pytest.mark.parametrize("own_ranges", [True, False], ids=["own ranges", "right ranges"])
def test_a_file_quantized_from_faulty_floats_is_caught(own_ranges: bool, network: Callable[[str], Network]) -> None:
    chosen = network("mobilenet_v2_tiny")
    make = Requantizer(chosen, f"quick-{own_ranges}")
    kind = REQUANTIZED[own_ranges]
    _, place, floats = next(iter(float_variants(chosen.base.content.read(), 4, [kind])))
    content = make(floats, own_ranges=own_ranges)
    assert content is not None
    file = chosen.judged(KEY, Planted(contents={KEY: content}), f"requantized-{own_ranges}")
    assert "structure" in {check.id for check in file.checks if not check.passed}, place
