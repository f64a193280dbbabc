"""MobileNet v1 of a quarter of the channels at 96 x 96: it fits 256 kB, as planned, and all of it runs on an NPU."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from export.cli.main import main

pytestmark = pytest.mark.large

SMALL = ("mobilenet", "--set", "alpha=0.25", "--set", "resolution=96", "--weights", "random", "--no-reconstruct")
MOST_RAM_BYTES = 256_000


def records(tmp_path: Path, *words: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the folders of a microcontroller and of an NPU say about an export."""
    targets = ("--target", "microcontroller", "--target", "ethos-u")
    assert main(["export", *words, "--int8", "--format", "tflite", *targets, "--out", str(tmp_path)]) == 0
    found = {}
    for target in ("microcontroller", "ethos-u"):
        (folder,) = tmp_path.glob(f"*-{target}")
        found[target] = json.loads((folder / "model.json").read_text())
    return found["microcontroller"], found["ethos-u"]


@pytest.mark.parametrize("io", ["int8", "uint8"])
def test_it_fits_and_computes_what_plain_kernels_do(io: str, tmp_path: Path) -> None:
    micro, npu = records(tmp_path, *SMALL, "--io", io)
    memory, checked = micro["memory"], micro["checked"]
    used = checked["activations_bytes"] + checked["persistent_bytes"]
    assert checked["activations_bytes"] == memory["activations_bytes"]
    assert used <= memory["planned_bytes"] <= 1.05 * used
    assert memory["arena_bytes"] < MOST_RAM_BYTES
    assert checked["identical_to_plain_kernels"] is True
    assert micro["macs"] == 7_745_152
    assert [one["share_on_npu"] for one in npu["placements"]] == [1, 1, 1, 1]


@pytest.mark.parametrize("model", ["mobilenet", "mobilenet_v2"])
def test_trained_networks_run_on_every_npu(model: str, tmp_path: Path) -> None:
    micro, npu = records(tmp_path, model, "--weights", "tiny")
    assert micro["trained"]
    assert [one["share_on_npu"] for one in npu["placements"]] == [1, 1, 1, 1]
