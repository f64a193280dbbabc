"""Every check of the registry is made or has a recorded reason; missing evidence never counts as passed."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import pytest

from export.bundle.report.rows import rows
from export.pipeline import Delivery, run
from export.proof import checks, prove
from export.proof.artifact import Artifact
from export.proof.checks import CHECKS, Check
from export.quantization.build import MadeFile
from export.quantization.export_run import ExportRun
from export.recipe import Recipe
from export.runtime.run_file import Measurement
from export.scheme import FLOAT32, INT8
from zoo.errors import OutsideError

IDS = [check.id for check in CHECKS]


def files(delivery: Delivery) -> list[dict[str, Any]]:
    return [*delivery.manifest["files"], *delivery.manifest["not_delivered"]]


def of(delivery: Delivery, file_format: str, scheme: Any) -> Artifact:
    return next(one for one in delivery.artifacts if (one.format, one.scheme) == (file_format, scheme))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Delivery:
    return run(Recipe(model="lenet5", schemes=(FLOAT32, INT8), out=tmp_path_factory.mktemp("out")))


def without_runtime(monkeypatch: pytest.MonkeyPatch, file_format: str, scheme: Any) -> None:
    """Let the runtime of one file crash."""
    measured = prove.measured_on_probe

    def crash(run: ExportRun, file: MadeFile, *others: Any) -> Measurement:
        if (file.format, file.scheme) == (file_format, scheme):
            raise OutsideError("the runtime stopped")
        return measured(run, file, *others)

    monkeypatch.setattr(prove, "measured_on_probe", crash)


def test_every_check_is_made_or_has_a_reason(trained: Delivery) -> None:
    assert len(files(trained)) == 4
    for file in files(trained):
        made = {check["id"] for check in file["checks"]}
        reasons = {one["id"]: one["reason"] for one in file["checks_not_made"]}
        assert sorted([*made, *reasons]) == sorted(IDS)
        assert all(reasons.values())
        assert not any(one["missing"] for one in file["checks_not_made"])
        assert not any(note.startswith("not checked") for note in file["notes"])


def test_report_shows_why_checks_were_not_made(trained: Delivery) -> None:
    assert trained.folder is not None
    page = html.unescape((trained.folder / "report.html").read_text())
    assert page.count("Checks that were not made") == 4
    reasons = {one["reason"] for file in files(trained) for one in file["checks_not_made"]}
    assert [reason for reason in reasons if reason not in page] == []


def test_untrained_weights_are_the_reason_of_a_missing_verdict(tmp_path: Path) -> None:
    delivery = run(Recipe(model="lenet5", weights="random", schemes=(INT8,), formats=("tflite",), out=tmp_path))
    reasons = of(delivery, "tflite", INT8).not_made
    for id in ("fidelity", "calibration", "clipping"):
        assert reasons[id].reason == "the weights are untrained, so no threshold applies"


def test_a_file_that_cannot_be_run_has_no_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_runtime(monkeypatch, "tflite", FLOAT32)
    artifact = of(run(Recipe(model="lenet5", out=tmp_path)), "tflite", FLOAT32)
    assert list(artifact.not_made) == IDS
    assert artifact.failures == ("the runtime stopped",)


def test_missing_agreement_is_a_remark_on_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_runtime(monkeypatch, "tflite", FLOAT32)
    delivery = run(Recipe(model="lenet5", out=tmp_path))
    artifact = of(delivery, "onnx", FLOAT32)
    assert artifact.failures == ()
    assert artifact.not_made["agreement"].is_missing
    (note,) = artifact.notes
    assert note == "not checked for agreement: lenet5-float32.tflite could not be built or run"
    (row,) = (row for row in rows(delivery.manifest) if row.file == artifact.file_name)
    assert (row.verdict, row.reason, row.state) == ("proven", note, "noted")


def test_missing_proof_of_the_float_file_is_a_remark_on_the_quantized_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_runtime(monkeypatch, "tflite", FLOAT32)
    artifact = of(run(Recipe(model="lenet5", schemes=(INT8,), formats=("tflite",), out=tmp_path)), "tflite", INT8)
    assert artifact.failures == ()
    assert artifact.not_made["origin"].is_missing
    assert "not checked for origin: lenet5-float32.tflite could not be run, and so was not checked" in artifact.notes


def test_layers_that_cannot_be_matched_are_a_remark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from export.formats.onnx import storage

    monkeypatch.setattr(storage, "compare_with_sibling", lambda *_: None)
    artifact = of(run(Recipe(model="lenet5", schemes=(INT8,), out=tmp_path)), "onnx", INT8)
    reason = "its layers cannot be matched to those of lenet5-int8.tflite"
    assert (artifact.not_made["storage"].reason, artifact.not_made["storage"].is_missing) == (reason, True)
    assert f"not checked for storage: {reason}" in artifact.notes


def test_a_missing_parent_fails_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prove, "_parent", lambda *_: None)
    artifact = of(run(Recipe(model="lenet5", schemes=(INT8,), formats=("tflite",), out=tmp_path)), "tflite", INT8)
    assert {check.id for check in artifact.checks if not check.passed} == {
        *("structure", "arithmetic", "storage", "ranges"),
    }


def test_a_check_without_any_result_fails_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "CHECKS", (Check("parity", lambda _: ()),))
    artifact = of(run(Recipe(model="lenet5", formats=("tflite",), out=tmp_path)), "tflite", FLOAT32)
    assert artifact.failures == ("parity of the file: the check gave no result",)
