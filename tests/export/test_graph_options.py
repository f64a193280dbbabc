"""`--opset` and `--dynamic-batch` change how an .onnx is written, never what it computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from export import pipeline
from export.bundle.read import read
from export.bundle.verify import verify
from export.cli.main import main
from export.pipeline import run
from export.progress import Quiet
from export.quantization import graph_options
from export.recipe import Recipe
from export.scheme import FLOAT32, INT8, INT8_DYNAMIC

FEW: dict[str, Any] = {"calibration_count": 16, "probe_count": 16}


def exported(model: str, out: Path, **options: Any) -> pipeline.Delivery:
    return run(Recipe(model=model, weights="tiny", schemes=(FLOAT32, INT8), out=out, **FEW, **options))


def of_name(delivery: pipeline.Delivery, ending: str) -> Path:
    assert delivery.folder is not None
    (path,) = delivery.folder.glob(f"*{ending}")
    return path


@pytest.mark.parametrize("version", [15, 23])
def test_files_in_another_version_of_the_operators_are_proven(version: int, tmp_path: Path) -> None:
    delivery = exported("mobilenet", tmp_path, opset=version)
    assert delivery.passed
    for ending in ("float32.onnx", "int8.onnx"):
        proto = onnx.load(of_name(delivery, ending))
        assert [one.version for one in proto.opset_import if not one.domain] == [version]
        onnx.checker.check_model(proto)


@pytest.mark.parametrize("model", ["mobilenet", "unet", "googlenet"])
def test_an_open_batch_gives_what_each_sample_gives_alone(model: str, tmp_path: Path) -> None:
    delivery = exported(model, tmp_path, dynamic_batch=True)
    assert delivery.passed
    assert delivery.folder is not None
    assert verify(read(delivery.folder), Quiet()).passed
    session = onnxruntime.InferenceSession(of_name(delivery, "int8.onnx"), providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    assert given.shape[0] == "batch"
    numbers = np.random.default_rng(0).integers(0, 256, (5, *given.shape[1:]))
    rows = numbers.astype(np.uint8) if given.type == "tensor(uint8)" else (numbers / 128 - 1).astype(np.float32)
    (together,) = session.run(None, {given.name: rows})
    alone = np.concatenate([session.run(None, {given.name: row[None]})[0] for row in rows])
    assert len(np.unique(together.reshape(5, -1), axis=0)) > 1  # the outputs differ between samples
    np.testing.assert_array_equal(together, alone)


def test_a_file_that_computes_otherwise_with_several_samples_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph_options, "LARGEST_DIFFERENCE", -1.0)
    delivery = exported("lenet5", tmp_path, dynamic_batch=True)
    assert not delivery.passed
    assert delivery.folder is not None
    assert not list(delivery.folder.glob("*.onnx"))
    reasons = [artifact.trouble for artifact in delivery.artifacts if artifact.format == "onnx"]
    assert all("so the batch stays 1; leave out --dynamic-batch" in reason for reason in reasons)


def test_one_sample_does_not_stand_for_several(tmp_path: Path) -> None:
    few = {"calibration_count": 8, "probe_count": 1}
    delivery = run(
        Recipe(model="bert_tiny", weights="tiny", formats=("onnx",), dynamic_batch=True, out=tmp_path, **few)
    )
    assert not delivery.passed
    assert delivery.folder is None


def test_decoders_keep_their_batch_and_say_so(tmp_path: Path) -> None:
    delivery = run(Recipe(model="gpt_small", schemes=(INT8_DYNAMIC,), dynamic_batch=True, out=tmp_path, **FEW))
    reasons = {artifact.file_name: artifact.trouble for artifact in delivery.artifacts if artifact.trouble}
    assert "leave out --dynamic-batch" in reasons["gpt_small-int8_dynamic.onnx"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--opset", "9"], "type a number from 14 to 23"),
        (["--opset", "17", "--format", "tflite"], "--opset is for .onnx files"),
        (["--dynamic-batch", "--format", "tflite"], "--dynamic-batch is for .onnx files"),
    ],
)
def test_impossible_options_are_answered_at_once(
    words: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "mobilenet", "--int8", *words]) == 2
    assert expected in capsys.readouterr().err
