"""The tutorial from photos to a device does what it says, line by line."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from export.cli.main import main
from zoo import class_names

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "your_photos.md").read_text(encoding="utf-8")
PHOTOS = ROOT / "tests" / "data" / "fashion_mnist_500.npz"
NAME = "pets-prune0.5"
CLASSES = {1: "Trouser", 5: "Sandal", 8: "Bag"}


def folder(path: Path) -> Path:
    """Write photos of three kinds of clothes, and a photo of a bag that is in none of the folders."""
    names = class_names.read("fashion_mnist")
    assert {names[label] for label in CLASSES} == set(CLASSES.values())
    bags = 0
    with np.load(PHOTOS) as arrays:
        for index, (photo, label) in enumerate(zip(arrays["photos"], arrays["labels"], strict=True)):
            if label not in CLASSES:
                continue
            image = Image.fromarray(photo[..., 0]).convert("RGB")
            bags += label == 8
            place = (
                path / "photo.jpg" if bags == 1 and label == 8 else path / "photos" / CLASSES[label] / f"{index}.jpg"
            )
            place.parent.mkdir(parents=True, exist_ok=True)
            image.save(place, quality=95)
    return path


def commands() -> list[str]:
    found = re.findall(r"^    (zoo .*)$", PAGE, re.MULTILINE)
    assert len(found) == 5
    return found


def walk(first: str, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Run every command of the page, the first with additional arguments; return the output of each."""
    printed = {}
    for number, line in enumerate(commands()):
        words = shlex.split(f"{line} {first}" if number == 0 else line)[1:]
        capsys.readouterr()
        assert main(words) == 0, line
        printed[" ".join(words[:2])] = capsys.readouterr().out
    return printed


def check(printed: dict[str, str]) -> None:
    manifest = json.loads(Path("artifacts/pets-prune0.5/manifest.json").read_text())
    assert manifest["passed"]
    assert {file["file"] for file in manifest["files"]} == {f"{NAME}-int8.tflite", f"{NAME}-int8.onnx"}
    assert manifest["evaluation"]["scores"]["top1"] > 0.9  # one of three would be .33
    assert [stage["name"] for stage in manifest["history"]] == ["learn"]
    files = manifest["pruning"]["files"]
    assert all(files[f"{NAME}-int8.{kind}"]["zero_share"] > 0.4 for kind in ("tflite", "onnx"))
    assert "Bag" in printed[f"run artifacts/{NAME}"].splitlines()[1]  # the line of the likeliest
    (quoted,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (program,) = re.findall(r"^    python (.*)$", PAGE, re.MULTILINE)
    assert quoted in Path(program.split()[0]).read_text()
    said = subprocess.run([sys.executable, *program.split()], check=True, capture_output=True, text=True).stdout
    assert said.splitlines()[0].endswith("\tBag")


@pytest.mark.large
def test_every_line_works_with_the_tiny_variant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder(tmp_path))
    check(walk("--weights tiny --batch 16", capsys))


@pytest.mark.imagenet
def test_every_line_works_as_it_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder(tmp_path))
    check(walk("", capsys))
