"""The proof catches what a wrong converter would write into an int8 .onnx, however small its effect on the outputs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import zoo_export
from export.scheme import INT8
from tests.faults.networks import Network, Planted
from tests.faults.onnx_faults import ONNX_FAULTS, variants

KEY = ("onnx", INT8)
NETWORKS = ("lenet5", "mobilenet_v2_tiny")
PLACES = 3

# The others run with the large tests, and so do all of the other network.
QUICK = {"cap of 3 behind a layer", "grid 0.9 times as wide", "another skip connection"}


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        pytest.param(fault, name, marks=() if name == "mobilenet_v2_tiny" and fault in QUICK else pytest.mark.large)
        for name in NETWORKS
        for fault in ONNX_FAULTS
    ],
)
def test_a_fault_of_the_file_is_caught_or_changes_no_number(
    fault: str, name: str, network: Callable[[str], Network], tmp_path: Path
) -> None:
    chosen = network(name)
    for number, (_, place, content) in enumerate(variants(chosen.content(KEY), PLACES, [fault])):
        file = chosen.judged(KEY, Planted(contents={KEY: content}), f"onnx-{fault}-{number}")
        assert file.failures or has_same_outputs(chosen, content, tmp_path), f"{fault} at {place}"


def has_same_outputs(network: Network, content: bytes, folder: Path) -> bool:
    """Return whether a file gives the healthy file's numbers: a relu behind a layer whose grid starts at 0."""
    outputs = []
    for number, one in enumerate((network.content(KEY), content)):
        path = folder / f"{number}.onnx"
        path.write_bytes(one)
        session = zoo_export.open_file(path)
        (taken,), (given,) = session.inputs, session.outputs
        images = [np.asarray(sample["image"]) for sample in network.samples.probe]
        outputs.append([session.run({taken.name: taken.quantize(image)})[given.name] for image in images])
    return bool(np.array_equal(*outputs))


@pytest.mark.parametrize("fault", ["grid 0.9 times as wide", "cap of 3 behind a layer"])
def test_the_broken_file_and_the_operator_are_named(fault: str, network: Callable[[str], Network]) -> None:
    chosen = network("mobilenet_v2_tiny")
    _, place, content = next(iter(variants(chosen.content(KEY), 2, [fault])))
    planted = Planted(contents={KEY: content})
    broken = chosen.judged(KEY, planted, f"named-{fault}")
    (named,) = [check for check in broken.checks if check.id == "arithmetic" and not check.passed]
    assert named.subject.split(" ")[0] in ("CONV_2D", "DEPTHWISE_CONV_2D", "QUANTIZE", "the"), place
    assert chosen.judged(("tflite", INT8), planted, f"other-{fault}").failures == ()


@pytest.mark.large
def test_caps_that_few_samples_reach_are_found(network: Callable[[str], Network]) -> None:
    """Evenly chosen samples, as they are and enlarged, find 3 of 7."""
    chosen = network("lenet5")
    broken = list(variants(chosen.content(KEY), 99, ["cap a tenth below the end of the grid"]))
    files = [
        chosen.judged(KEY, Planted(contents={KEY: content}), f"cap-{number}")
        for number, (_, _, content) in enumerate(broken)
    ]
    assert len(files) == 7
    assert sum(bool(file.failures) for file in files) >= 6
