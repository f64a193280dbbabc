from __future__ import annotations

from collections.abc import Callable

import pytest

from export.formats import FORMATS, PRIMARY
from export.proof.checks import CHECKS
from export.scheme import FLOAT16, FLOAT32, INT8, Scheme
from tests.faults.conftest import Tell
from tests.faults.faults import COLOUR, FAULTS, ONE_SMALL, RESIDUAL, STORED, Fault
from tests.faults.networks import SCHEMES_MADE, Network, Planted

NETWORKS = {
    "lenet5": (),
    "two_headed": (),
    "mobilenet_tiny": (),
    RESIDUAL: (),
    "mobilenet": (pytest.mark.imagenet,),
}
HEALTHY = [pytest.param(name, id=name, marks=marks) for name, marks in NETWORKS.items()]


def stands_alone(fault: Fault, name: str, scheme: Scheme) -> bool:
    """Whether the fault is planted into an .onnx requested alone; with both formats the checks are no weaker."""
    return fault in STORED and name in COLOUR and scheme != FLOAT32


def follows(fault: Fault, name: str, format_name: str) -> bool:
    """Whether the file fails only because its source is faulty; LeNet-5 and the full MobileNet test that."""
    return fault.upstream and format_name != PRIMARY.name and name not in ONE_SMALL


PLANTED = [
    pytest.param(fault, name, format_name, scheme, id=f"{name}-{scheme}-{format_name}-{fault.name}", marks=marks)
    for name, marks in NETWORKS.items()
    for fault in FAULTS
    if name in fault.networks
    for scheme in fault.schemes
    if name != RESIDUAL or scheme == INT8
    for format_name in FORMATS
    if not follows(fault, name, format_name)
    if format_name == PRIMARY.name or not stands_alone(fault, name, scheme)
]
ALONE = [
    pytest.param(fault, name, scheme, id=f"{name}-{scheme}-{fault.name}", marks=marks)
    for name, marks in NETWORKS.items()
    for fault in STORED
    for scheme in SCHEMES_MADE
    if stands_alone(fault, name, scheme)
]


# Of every check of the registry one fault that it catches: its name, the network, and the file.
CAUGHT_BY = {
    "parity": ("kernel zeroed", "lenet5", "tflite", FLOAT32),
    "fidelity": ("kernel zeroed", "lenet5", "tflite", INT8),
    "storage": ("bias dropped", "lenet5", "tflite", INT8),
    "convention": ("input scale 2 % wrong", "lenet5", "tflite", INT8),
    "order": ("outputs in another order", "two_headed", "onnx", INT8),
    "agreement": ("kernel zeroed", "lenet5", "onnx", FLOAT32),
    "origin": ("calibrated on -1..1", "lenet5", "onnx", INT8),
    "calibration": ("calibrated on -1..1", "lenet5", "tflite", INT8),
    "ranges": ("range cut in the file", "lenet5", "tflite", INT8),
    "equalization": ("scaled at its maker only", "mobilenet_tiny", "tflite", INT8),
    "reconstruction": ("layers swapped in the float file", "mobilenet_tiny", "tflite", INT8),
    "drift": ("channel lost in reconstruction", "mobilenet_tiny", "tflite", INT8),
    "clipping": ("range cut in the plan", "mobilenet_tiny", "tflite", INT8),
}


IN_OTHER_TESTS = {
    "stream": "tests/export/test_streaming_form.py",
    "structure": "tests/faults/test_integer_faults.py",
    "arithmetic": "tests/faults/test_integer_faults.py",
}


def test_every_check_of_the_registry_has_a_planted_fault() -> None:
    assert list(CAUGHT_BY) == [check.id for check in CHECKS if check.id not in IN_OTHER_TESTS]


@pytest.mark.parametrize("check", CAUGHT_BY)
def test_every_check_catches_its_fault(check: str, network: Callable[[str], Network]) -> None:
    fault_name, name, format_name, scheme = CAUGHT_BY[check]
    fault = next(fault for fault in FAULTS if fault.name == fault_name)
    chosen, key = network(name), (format_name, scheme)
    file = chosen.judged(key, fault.plant(chosen, key), f"check-{check}")
    assert check in {result.id for result in file.checks if not result.passed}


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_file_passes_its_proof(name: str, network: Callable[[str], Network]) -> None:
    files = network(name).healthy
    assert set(files) == {(format_name, scheme) for format_name in FORMATS for scheme in SCHEMES_MADE}
    assert {key: file.failures for key, file in files.items() if file.failures} == {}


def test_every_check_applies_to_an_int8_file_of_a_trained_network(network: Callable[[str], Network]) -> None:
    chosen = network("mobilenet_tiny")
    file = chosen.healthy[PRIMARY.name, INT8]
    # Whether a range is narrowed is decided by small differences, which the processor's arithmetic can tip over.
    assert {check.id for check in file.checks} | {"clipping"} == {
        *("fidelity", "structure", "arithmetic", "storage", "convention", "order", "origin", "calibration", "ranges"),
        *("equalization", "reconstruction", "drift", "clipping"),
    }


@pytest.mark.parametrize("format_name", FORMATS)
def test_a_rebuilt_file_without_a_fault_passes(format_name: str, network: Callable[[str], Network]) -> None:
    file = network("lenet5").judged((format_name, INT8), Planted(remade=True), f"anew-{format_name}")
    assert file.checks
    assert file.failures == ()


@pytest.mark.parametrize(("fault", "name", "format_name", "scheme"), PLANTED)
def test_the_proof_catches_the_fault(
    fault: Fault,
    name: str,
    format_name: str,
    scheme: Scheme,
    network: Callable[[str], Network],
    caught: Tell,
) -> None:
    caught(fault, name, format_name, scheme, ())  # A fault whose planting fails counts as not caught.
    chosen, key = network(name), (format_name, scheme)
    planted = (
        chosen.planted_upstream(fault.name, lambda: fault.plant(chosen, key))
        if fault.upstream
        else fault.plant(chosen, key)
    )
    assert chosen.is_changed_by(planted)
    file = chosen.judged(key, planted, f"{fault.name}-{format_name}-{scheme}")
    questions = ("runtime",) if file.trouble else tuple(c.id for c in file.checks if not c.passed)
    caught(fault, name, format_name, scheme, questions)
    assert file.failures, f"{fault.name} got through: {[str(check) for check in file.checks]}"


@pytest.mark.parametrize("scheme", SCHEMES_MADE)
def test_an_onnx_requested_alone_passes_and_is_compared_with_the_files_it_was_derived_from(
    scheme: Scheme, network: Callable[[str], Network]
) -> None:
    file = network("mobilenet_tiny").judged_alone(("onnx", scheme), Planted(), f"alone-{scheme}")
    assert file.failures == ()
    expected = {
        FLOAT32: {"parity"},
        FLOAT16: {"fidelity", "storage", "origin"},
        INT8: {"fidelity", "storage", "arithmetic", "agreement", "convention", "origin", "calibration"},
    }
    assert {check.id for check in file.checks} == {"order", *expected[scheme]}


@pytest.mark.parametrize(("fault", "name", "scheme"), ALONE)
def test_the_proof_of_an_onnx_requested_alone_catches_the_fault(
    fault: Fault, name: str, scheme: Scheme, network: Callable[[str], Network]
) -> None:
    chosen, key = network(name), ("onnx", scheme)
    file = chosen.judged_alone(key, fault.plant(chosen, key), f"alone-{scheme}-{fault.name}")
    assert file.failures, f"{fault.name} got through: {[str(check) for check in file.checks]}"
