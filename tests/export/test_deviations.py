"""Changed classes and largest errors are those of the outputs, and agree with the comparison of the proof."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from calibration.samples import Samples
from export.analysis.deviations import run
from export.analysis.deviations.confusion import confusion
from export.analysis.deviations.sample_errors import largest
from export.formats.requirements import Requirements
from export.metrics import compare
from export.model.subject import Subject
from export.model.tensor_spec import TensorSpec
from export.proof.artifact import Artifact
from export.proof.evidence import ProvenFile
from export.runtime.run_file import Measurement
from export.scheme import FLOAT16, FLOAT32, INT8, W8A16, Scheme

LABELS = ("cat", "dog", "fox")


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits)
    return powers / powers.sum(axis=-1, keepdims=True)


def test_pairs_of_changed_classes_tell_near_ties_from_clear_changes() -> None:
    expected = np.array([[0.48, 0.45, 0.07], [0.9, 0.05, 0.05], [0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])
    found = np.array([[0.2, 0.7, 0.1], [0.2, 0.7, 0.1], [0.5, 0.3, 0.2], [0.6, 0.1, 0.3]])
    record = confusion(expected, found, LABELS)
    assert (record["unit"], record["count"], record["changed"], record["near_ties"]) == ("samples", 4, 3, 1)
    first, second = record["pairs"]
    assert (first["model"], first["file"], first["count"], first["near_ties"]) == ("cat", "dog", 2, 1)
    assert first["model_margin"] == pytest.approx(0.85)
    assert first["file_margin"] == pytest.approx(0.5)
    assert (second["model"], second["file"], second["count"], second["near_ties"]) == ("fox", "cat", 1, 0)


def test_margins_of_logits_are_probabilities() -> None:
    logits, changed = np.array([[4.0, 3.0, -2.0], [5.0, 0.0, 0.0]]), np.array([[3.0, 4.0, -2.0], [5.0, 0.0, 0.0]])
    (pair,) = confusion(logits, changed, LABELS)["pairs"]
    shares = softmax(logits)[0]
    assert pair["model_margin"] == pytest.approx(shares[0] - shares[1])


@pytest.mark.parametrize("shape", [(50,), (6, 4, 5)])
def test_changed_classes_agree_with_same_top_1(shape: tuple[int, ...]) -> None:
    generator = np.random.default_rng(0)
    expected = softmax(generator.normal(size=(*shape, 30)))
    found = softmax(np.log(expected) + generator.normal(size=expected.shape))
    expected.reshape(-1, 30)[0, :2] = found.reshape(-1, 30)[0, 1] = 1.0  # tied in the model: no change
    record = confusion(expected, found, ())
    agreement = compare(reference=expected, actual=found).top1_agreement
    if agreement is not None:
        assert 1 - record["changed"] / record["count"] == pytest.approx(agreement)
    assert record["count"] == np.prod(shape)
    assert len(record["pairs"]) <= 12
    assert record["changed"] - sum(pair["count"] for pair in record["pairs"]) >= record["more_pairs"] > 0
    assert record["unit"] == ("samples" if len(shape) == 1 else "pixels")


def specs(**scales: float) -> list[TensorSpec]:
    return [TensorSpec(name=name, shape=(1, 3), dtype="int8", scale=s, zero_point=2) for name, s in scales.items()]


def test_samples_are_ranked_by_their_part_of_the_error_of_real_values() -> None:
    stored = {"a": np.array([[12, 2, 2], [22, 2, 2], [2, 32, 2]], np.int8)}
    expected = {"a": np.array([[1.0, 0, 0], [2.0, 0, 0.5], [0, 3.1, 0]])}
    found = largest(expected, stored, specs(a=0.1), 6)
    assert [one.row for one in found] == [1, 2]  # the first sample is exact
    assert [one.share for one in found] == pytest.approx([0.25 / 0.26, 0.01 / 0.26])
    assert found[0].sqnr_db == pytest.approx(10 * np.log10(4.25 / 0.25))


def test_an_output_of_small_numbers_counts_as_much_as_one_of_large_numbers() -> None:
    expected = {"small": np.array([[1e-3, 0, 0], [1e-3, 0, 0]]), "large": np.array([[1e3, 0, 0], [1e3, 0, 0]])}
    stored = {"small": np.array([[12, 2, 2], [7, 2, 2]], np.int8), "large": np.array([[13, 2, 2], [12, 2, 2]], np.int8)}
    found = largest(expected, stored, specs(small=1e-4, large=100.0), 6)
    assert [(one.row, one.output) for one in found] == [(1, "small"), (0, "large")]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_outputs_that_are_not_finite_are_not_ranked(value: float) -> None:
    spec = TensorSpec(name="a", shape=(1, 1), dtype="float32")
    assert largest({"a": np.ones((2, 1))}, {"a": np.array([[1.0], [value]])}, [spec], 6) == ()


def proven(scheme: Scheme, file_format: str, stored: np.ndarray) -> ProvenFile:
    compared = {"logits": compare(reference=EXPECTED["logits"], actual=EXPECTED["logits"])}
    artifact = Artifact(
        name="net", format=file_format, scheme=scheme, suffix=f".{file_format}", comparisons=compared, outputs=(SPEC,)
    )
    measured = Measurement(
        inputs=(),
        outputs=(SPEC,),
        stored={"logits": stored},
        milliseconds=(),
        p50_ms=1.0,
        p90_ms=1.0,
        census=(),
        requirements=Requirements(oldest_runtimes={}),
    )
    return ProvenFile(artifact=artifact, measured=measured)


SPEC = TensorSpec(name="logits", shape=(1, 3), dtype="float32")
EXPECTED = {"logits": np.array([[4.0, 1.0, 0.0], [0.0, 1.0, 5.0]])}
CHANGED = np.array([[4.0, 1.0, 0.0], [0.0, 6.0, 5.0]])
PROBE = Samples(inputs={"x": np.zeros((2, 1))}, source="rows.npz", seed=0)


def subject(*, trained: bool) -> Subject:
    weights = SimpleNamespace(trained=trained)
    return cast(Subject, SimpleNamespace(weights=weights, labels=LABELS, preprocessing=None, task="", meaning=None))


def test_the_int8_file_of_the_primary_format_is_compared() -> None:
    files = [proven(scheme, name, CHANGED) for name in ("onnx", "tflite") for scheme in (W8A16, FLOAT16, INT8, FLOAT32)]
    found = run.find(subject(trained=True), PROBE, EXPECTED, files)
    assert found is not None
    assert found.file == "net-int8.tflite"
    assert found.confusions["logits"]["pairs"][0]["file"] == "dog"
    (sample,) = found.record({})["samples"]
    assert (sample["number"], sample["share"]) == (2, 1.0)
    assert [sample[side]["rows"][0]["title"] for side in ("model", "file")] == ["fox", "dog"]


def test_without_int8_the_file_with_the_fewest_bits_is_compared() -> None:
    found = run.find(
        subject(trained=True), PROBE, EXPECTED, [proven(one, "tflite", CHANGED) for one in (FLOAT16, W8A16)]
    )
    assert found is not None
    assert found.file == "net-w8a16.tflite"


def test_untrained_networks_noise_and_float32_files_have_no_predictions_to_compare() -> None:
    files = [proven(INT8, "tflite", CHANGED)]
    assert run.find(subject(trained=False), PROBE, EXPECTED, files) is None
    assert run.find(subject(trained=True), replace(PROBE, real=False), EXPECTED, files) is None
    assert run.find(subject(trained=True), PROBE, EXPECTED, [proven(FLOAT32, "tflite", CHANGED)]) is None


def test_a_file_with_outputs_of_another_shape_is_not_compared() -> None:
    assert run.find(subject(trained=True), PROBE, EXPECTED, [proven(INT8, "tflite", CHANGED[:, :2])]) is None
