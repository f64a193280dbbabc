"""Healthy files of other tools are proven, in every precision that the tool writes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from export.proof.foreign.prove import ForeignProof
from tests.foreign import files
from tests.foreign.files import Trained


def verdict(proof: ForeignProof) -> tuple[bool, tuple[str, ...], list[str]]:
    checks = proof.findings.checks
    return proof.proven, proof.missing, [str(one) for one in checks if not one.passed]


@pytest.mark.parametrize("is_quantized", [False, True], ids=["float32", "int8"])
def test_files_of_tensorflow_are_proven(is_quantized: bool, trained: Trained) -> None:
    proof = trained.proof(files.by_tensorflow(trained.model, trained.rows if is_quantized else None), ".tflite")
    assert verdict(proof) == (True, (), [])


def test_a_file_of_tf2onnx_in_another_order_and_layout_is_proven_and_says_so(trained: Trained) -> None:
    proof = trained.proof(files.by_tf2onnx(trained.model, reordered=True, channels_first=True), ".onnx")
    assert verdict(proof) == (True, (), [])
    assert "input image is fed with the channels first" in proof.remarks
    assert "the file's outputs are in another order than the model's" in proof.remarks


@pytest.mark.parametrize("form", ["QDQ", pytest.param("QOperator", marks=pytest.mark.large)])
def test_files_of_onnx_runtime_are_proven(form: str, trained: Trained, tmp_path: Path) -> None:
    from onnxruntime.quantization import QuantFormat

    float_file = files.by_tf2onnx(trained.model)
    content = files.by_onnx_runtime(float_file, trained.rows, tmp_path, quant_format=QuantFormat[form])
    assert verdict(trained.proof(content, ".onnx")) == (True, (), [])


def test_a_quantized_file_of_untrained_weights_is_not_proven(trained: Trained) -> None:
    subject = trained.run.subject
    untrained = replace(subject, weights=replace(subject.weights, trained=False, reason="random"))
    content = files.by_tensorflow(trained.model, trained.rows)
    proof = replace(trained, run=replace(trained.run, subject=untrained)).proof(content, ".tflite")
    assert verdict(proof) == (False, ("fidelity",), [])
