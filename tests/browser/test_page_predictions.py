"""The page reads outputs as the tasks of `zoo run` do: classes, masks and boxes."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.analysis.tasks.classification.outputs import best
from export.analysis.tasks.detection.outputs import THRESHOLD
from export.analysis.tasks.segmentation.outputs import areas
from zoo.detection.heads import Detection, Head
from zoo.detection.suppression import detect

HERE = Path(__file__).parent
NAMES = tuple(f"kind {index}" for index in range(6))
GENERATOR = np.random.default_rng(3)

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")


def read(task: str, outputs: dict[str, Any], folder: Path, meaning: dict[str, Any] | None = None) -> Any:
    """Return what the page says about outputs (...) by name."""
    record = {"outputs": [{"name": name, "shape": [1, *values.shape]} for name, values in outputs.items()]}
    model = {"task": task, "meaning": meaning, "classNames": list(NAMES)}
    given = {name: values.ravel().tolist() for name, values in outputs.items()}
    cases = folder / "cases.json"
    cases.write_text(json.dumps([{"model": model, "record": record, "outputs": given}]))
    command = ["node", str(HERE / "read_outputs.mjs"), str(cases)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)[0]


@pytest.mark.parametrize("scores", [GENERATOR.normal(0, 4, 6), GENERATOR.dirichlet(np.ones(6)), np.zeros(6)])
def test_classes(scores: Any, tmp_path: Path) -> None:
    expected = best(scores, NAMES, 5)
    found = read("classification", {"logits": scores}, tmp_path)["rows"]
    assert [(one["index"], one["title"]) for one in found] == [(one.index, one.name) for one in expected]
    assert np.allclose([one["share"] for one in found], [one.probability for one in expected], rtol=1e-12)


def test_masks(tmp_path: Path) -> None:
    scores = GENERATOR.normal(0, 1, (12, 9, 6))
    mask = scores.argmax(-1)
    found = read("segmentation", {"logits": scores}, tmp_path)
    assert found["mask"] == mask.ravel().tolist()
    expected = areas(mask, NAMES, 5)
    assert [(one["title"], one["share"]) for one in found["rows"]] == [(one.name, one.share) for one in expected]


def test_boxes(tmp_path: Path) -> None:
    heads = tuple(
        Head(output=f"stride_{stride}", stride=stride, anchors=((stride, 20.0), (35.0, stride * 2.0), (60.0, 50.0)))
        for stride in (32, 16)
    )
    meaning = Detection(heads=heads, classes=6, scale_x_y=1.05)
    outputs = {f"stride_{stride}": GENERATOR.normal(0, 2, (64 // stride, 96 // stride, 33)) for stride in (32, 16)}
    expected = detect(outputs, meaning, threshold=THRESHOLD, most_objects=20)
    assert len(expected.scores) == 20
    assert len(set(expected.classes.tolist())) > 3
    found = read("detection", outputs, tmp_path, meaning.record())["boxes"]
    assert [one["index"] for one in found] == expected.classes.tolist()
    assert np.allclose([one["score"] for one in found], expected.scores, rtol=1e-12)
    assert np.allclose([one["box"] for one in found], expected.boxes, rtol=1e-9, atol=1e-12)
