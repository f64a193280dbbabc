"""Every contradiction between the records of a manifest is found, without running a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.bundle import completeness, consistency, golden, golden_inputs, zoo_facts
from export.bundle.read import read
from tests.commands.edits import INTEGER, Folder

Change = Callable[[Folder], object]


def failures(folder: Folder) -> list[str]:
    folder.write()
    delivered, arrays = read(folder.path), golden.read(folder.path / "golden.npz")
    found = [*completeness.check(delivered), *completeness.check_golden(delivered, arrays)]
    found += [*consistency.check(delivered), *zoo_facts.check(delivered), *golden_inputs.check(delivered, arrays)]
    for record in delivered.manifest["files"]:
        found += consistency.check_file(record, delivered.manifest)
    return [check.reason for check in found if not check.passed]


def twice(folder: Folder) -> None:
    folder.manifest["files"].append(folder.file(INTEGER))


def noise(folder: Folder) -> None:
    """Replace the golden inputs by the noise of the recipe's seed, and call them real."""
    photos = np.random.default_rng(0).integers(0, 256, folder.arrays["photos"].shape, np.uint8)
    folder.arrays["photos"] = photos
    folder.arrays["input/image"] = photos.astype(np.float32) * np.float32(1 / 255)


def without_photos(folder: Folder) -> None:
    folder.manifest["probe"]["preprocessing"] = None


CHANGES: dict[str, tuple[Change, str]] = {
    "twice": (twice, "lists a model file twice"),
    "not requested": (lambda folder: folder.manifest["recipe"].update(precisions=["int8"]), "does not request"),
    "photos of nothing": (without_photos, "it has photos, although"),
    "no names": (lambda folder: folder.manifest["companions"].pop("labels.txt"), "labels.txt with the names of 10"),
    "no digest": (lambda folder: folder.manifest["weights"].update(sha256=None), "or have no digest"),
    "called random": (lambda folder: folder.manifest["weights"].update(name="random"), "are called 'random'"),
    "random requested": (lambda folder: folder.manifest["recipe"].update(weights="random"), "requests random weights"),
    "reason": (lambda folder: folder.manifest["weights"].update(reason="no idea"), "the reason why not is 'no idea'"),
    "noise requested": (lambda folder: folder.manifest["recipe"].update(random_calibration=True), "probe.real is True"),
    "noise": (noise, "the golden inputs are the noise of the seed 0"),
    "failed": (lambda folder: folder.manifest.update(passed=False), "passed is False, which its files contradict"),
    "failed file": (lambda folder: folder.file(INTEGER).update(passed=False), "which its checks contradict"),
    "detector": (lambda folder: folder.manifest.update(meaning={"classes": 3}), "the meaning of the outputs is not"),
    "more inputs": (
        lambda folder: folder.manifest["inputs"].update(noise={"kind": "zeros"}),
        "the inputs are not those of this version's lenet5: there are image only",
    ),
    "both": (
        lambda folder: folder.file(INTEGER)["checks_not_made"].append({"id": "origin"}),
        "origin is listed both as made and as not made",
    ),
    "raised float": (
        lambda folder: folder.file("lenet5-float32.onnx").update(raised={"c3": "int16"}),
        "layers of a float32 file cannot be in higher precision",
    ),
    "raised to its own width": (
        lambda folder: folder.file(INTEGER).update(raised={"c3": "int16"}, precision="w8a16"),
        "int16 is no higher precision in a w8a16 file",
    ),
    "raised otherwise": (
        lambda folder: (
            folder.manifest.update(raised={"w8a16": {"c3": "float32"}})
            or folder.file(INTEGER).update(precision="w8a16")
        ),
        "has other layers in higher precision than the recipe",
    ),
    "no census": (lambda folder: folder.file(INTEGER).pop("census"), "the manifest is damaged (KeyError: 'census')"),
}


def test_an_unchanged_folder_contradicts_nothing(copy: Path) -> None:
    assert failures(Folder(copy)) == []


@pytest.mark.parametrize("name", CHANGES)
def test_a_contradiction_is_found(name: str, copy: Path) -> None:
    folder = Folder(copy)
    change, words = CHANGES[name]
    change(folder)
    assert any(words in reason for reason in failures(folder))


@pytest.mark.large
@pytest.mark.parametrize(
    "part", [("weights",), ("probe",), ("recipe",), ("files", 0, "checks"), ("files", 0, "outputs")]
)
def test_records_of_the_wrong_type_are_a_failure_or_a_usage_error(
    part: tuple[Any, ...], copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from export.cli.main import main

    for junk in (None, [], "x", {"x": -1}, float("inf")):
        folder = Folder(copy)
        parent = folder.manifest
        for key in part[:-1]:
            parent = parent[key]
        before, parent[part[-1]] = parent[part[-1]], junk
        folder.write()
        assert main(["verify", str(copy)]) in (1, 2)
        parent[part[-1]] = before
        folder.write()
    assert "Traceback" not in capsys.readouterr().err
