"""A sample of `python -m tests.faults.healthy`, and the files that it found refused."""

from __future__ import annotations

import pytest

from export.passes.prune import Prune
from export.recipe import Width
from export.scheme import INT8, W8A16
from tests.faults.healthy import NAMES, tried
from tests.faults.healthy_cases import DEFAULT, Case, cases, own_file

# Each option once, each on another network that has it.
SAMPLE = (
    ("all precisions", "lenet5"),
    ("--io uint8", "yolo_v4_tiny"),
    ("--io int8", "efficientnet_lite0"),
    ("--io float32", "vae"),
    ("--observer min-max", "vgg16"),
    ("--observer percentile", "mobilenet_v3_large"),
    ("--observer mse", "alexnet"),
    ("--no-reconstruct", "vgg16"),
    ("--prune-channels 0.25", "vgg16"),
    ("--format onnx", "lenet5"),
    ("few samples", "vgg16"),
    ("synthetic calibration", "mobilenet_v2"),
    ("real rows", "lenet5"),
    ("own file at another size", "googlenet"),
    ("random weights", "lenet5"),
)


def raised(network: str, layer: str, width: Width, seed: int, **counts: int) -> Case:
    fields = {"schemes": (INT8,), "raised": {layer: width}, **DEFAULT, **counts}
    return Case(network=network, option="--raise", seed=seed, fields=fields)


FOUND = (
    # The file was right: rounded to 8 bits apart from the layer that reads it, and quantized before it is joined.
    raised("lenet5", "s4", Width.INT16, 3),
    raised("densenet121", "pool2_pool", Width.W8A32, 1),
    # The file was wrong: a float input on halves, leaky ReLUs rounded otherwise, and a bias behind a factor of zero.
    Case(
        network="mobilenet_v3_large",
        option="own file",
        seed=1,
        fields={"schemes": (INT8,), "calibration_count": 32},
        prepare=lambda folder: own_file("mobilenet_v3_large", 1, folder),
    ),
    raised("yolo_v4_tiny", "fine_bn", Width.FLOAT32, 2, calibration_count=32, probe_count=32),
    Case(
        network="efficientnet_b0",
        option="--prune 0.5",
        seed=3,
        fields={"schemes": (W8A16,), "passes": (Prune(share=0.5),), **DEFAULT},
    ),
)


@pytest.mark.large
@pytest.mark.parametrize(("option", "network"), SAMPLE)
def test_healthy_files_are_not_refused(option: str, network: str) -> None:
    (case,) = [one for one in cases(network, NAMES.index(network)) if one.option == option][:1]
    count, refused = tried(case)
    assert count >= 2
    assert refused == []


@pytest.mark.large
@pytest.mark.parametrize("case", FOUND, ids=lambda case: case.title)
def test_files_that_were_refused_are_proven(case: Case) -> None:
    assert tried(case)[1] == []


@pytest.mark.large
def test_every_option_is_in_the_sample() -> None:
    options = {case.option for case in cases("lenet5") if not case.option.startswith("--raise")}
    assert options - {option for option, _ in SAMPLE} == {"own file", "--prune 0.5"}  # in FOUND
