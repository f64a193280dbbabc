"""Planned ranges of a file: raised layers are not clipped, and the accuracy cost of clipping is checked."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from calibration.ranges import Ranges
from calibration.samples import Samples
from calibration.store import Draw
from export.model.subject import Subject
from export.passes.integer_model import Reconstruction
from export.progress import Quiet
from export.proof import clipping
from export.quantization.build import plan
from export.quantization.export_run import ExportRun
from export.quantization.integer_base import IntegerBase
from export.quantization.ranges import Observation
from export.quantization.tensor_map import Attribution, FileTensors
from export.recipe import Recipe, Width
from export.runtime.file_content import FileContent
from export.scheme import INT8
from zoo.weights import LoadedWeights

SEEN = Ranges(by_tensor={"a": (0.0, 100.0), "b": (0.0, 50.0)}, observer="min-max")
CUT = Ranges(by_tensor={"a": (0.0, 3.0), "b": (0.0, 2.0)}, observer="sensitivity")


def network() -> keras.Model:
    """Return x -> relu(x) -> its mean with weights."""
    keras.utils.set_random_seed(0)
    image = keras.Input((64,), name="image")
    return keras.Model(image, layers.Dense(4, name="outputs")(layers.ReLU(name="hidden")(image)))


def photos(seed: int) -> Samples:
    inputs = np.random.default_rng(seed).normal(size=(16, 64)).astype(np.float32)
    return Samples(inputs={"image": inputs}, source="tests", seed=seed)


def test_raised_layer_gets_the_observed_range_and_others_the_narrowed_one(tmp_path: Path) -> None:
    loaded = LoadedWeights(name="trained", trained=True, source="tests", sha256=None)
    run = ExportRun(
        subject=Subject(name="net", title="net", model=network(), weights=loaded, inputs={}),
        recipe=Recipe(model="net", schemes=(INT8,)),
        samples=Draw(calibration=photos(0), probe=photos(1), calibration_folder=tmp_path, probe_folder=tmp_path),
        work=tmp_path,
        progress=Quiet(),
    )
    base = IntegerBase(
        model=run.subject.model,
        reconstruction=Reconstruction(model=None, records=[], before={}, after={}),
        content=FileContent.held(b"a float file"),
        path=tmp_path / "float32.tflite",
        observation=Observation(ranges=SEEN, stability=None, tensors=FileTensors(fingerprints={}, sources={})),
        int8_ranges=CUT,
        tensor_map={"a": Attribution(tensor="a", call="hidden"), "b": Attribution(tensor="b", call="outputs")},
    )
    planned = plan(run, base, INT8, {"hidden": Width.INT16}).ranges
    assert planned is not None
    assert planned.by_tensor == {"a": SEEN.by_tensor["a"], "b": CUT.by_tensor["b"]}


@pytest.mark.parametrize(("high", "passed"), [(2.9, True), (0.5, False)])
def test_accuracy_cost_of_clipping_is_checked(high: float, passed: bool) -> None:
    probe, model, calls = photos(1), network(), {"a": ("hidden",)}
    seen, planned = (Ranges(by_tensor={"a": (0.0, end)}, observer="tests") for end in (4.0, high))
    checks = clipping.check(model, probe, seen, planned, calls)
    assert [(check.id, check.passed) for check in checks] == [("clipping", passed)]
    assert clipping.check(model, probe, seen, seen, calls) == ()
