"""`zoo verify` passes for an unchanged folder, and fails for every change that matters to a device."""

from __future__ import annotations

import json
import os
import pickle
import resource
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.bundle import golden, snippets
from export.cli.main import main
from export.proof.tolerances import FIDELITY, for_few
from export.runtime.run_file import measure
from export.scheme import INT8
from tests.program import PROGRAM

ROOT = Path(__file__).parents[2]
FILES = [f"lenet5-{scheme}.{kind}" for scheme in ("float32", "int8") for kind in ("tflite", "onnx")]
# Without golden inputs no file is run, so no file may be reported as proven.
NOTHING_RUN = {"": {"integrity"}} | {name: {"reproduction"} for name in FILES}
Change = Callable[[Callable[[dict[str, Any]], object]], None]
Verify = Callable[[], tuple[int, dict[str, set[str]]]]


@pytest.fixture
def verify(copy: Path, capsys: pytest.CaptureFixture[str]) -> Verify:
    """Return the exit code and the failed checks by file; "" stands for the other files of the folder."""

    def call() -> tuple[int, dict[str, set[str]]]:
        code = main(["verify", str(copy), "--json"])
        record = json.loads(capsys.readouterr().out)
        groups = {"": record["checks"], **{file["file"]: file["checks"] for file in record["files"]}}
        failed = {name: {one["id"] for one in checks if not one["passed"]} for name, checks in groups.items()}
        assert record["passed"] == (code == 0) == (not any(failed.values()))
        return code, {name: questions for name, questions in failed.items() if questions}

    return call


def other_weights(content: bytes) -> bytes:
    """Return a file of the same architecture with other weights: numbers in the middle have lost their sign."""
    middle = len(content) // 2 // 4 * 4
    weights = np.frombuffer(content[middle : middle + 65536], "<f4")
    return content[:middle] + np.abs(weights).astype("<f4").tobytes() + content[middle + 65536 :]


def test_unchanged_folder_passes_verification(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(exported)]) == 0
    words = capsys.readouterr().out
    assert words.count(" proven ") == len(FILES)
    assert "4 of 4 model files verified" in words


def test_verification_repeats_the_checks_of_the_export(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["verify", str(exported), "--json"])
    record = json.loads(capsys.readouterr().out)
    made = {file["file"]: {check["id"] for check in file["checks"]} for file in record["files"]}
    common = {"integrity", "signature", "reproduction", "consistency"}
    assert made == {
        "lenet5-float32.tflite": common | {"parity"},
        "lenet5-float32.onnx": common | {"parity", "agreement"},
        "lenet5-int8.tflite": common | {"fidelity"},
        "lenet5-int8.onnx": common | {"fidelity", "agreement", "storage"},
    }
    others = [(check["id"], check["subject"]) for check in record["checks"]]
    code = {*snippets.companions(json.loads((exported / "manifest.json").read_text()))}
    assert len(code) == 8
    named = {name for check, name in others if check == "integrity"}
    assert named == {"diagram.svg", "golden.npz", "labels.txt", "report.html"} | code
    assert {check for check, _ in others} == {"integrity", "completeness", "consistency", "preprocessing"}


@pytest.mark.parametrize("name", FILES)
def test_flipped_bit_fails_only_that_file(name: str, copy: Path, verify: Verify) -> None:
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    assert verify() == (1, {name: {"integrity"}})


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("lenet5-int8.tflite", "removed"),
        ("lenet5-int8.onnx", "truncated"),
        ("labels.txt", "removed"),
        ("report.html", "truncated"),
        ("diagram.svg", "truncated"),
        ("diagram.svg", "removed"),
    ],
)
def test_truncated_or_missing_file_fails(name: str, damage: str, copy: Path, verify: Verify) -> None:
    if damage == "removed":
        (copy / name).unlink()
    else:
        os.truncate(copy / name, (copy / name).stat().st_size // 2)
    code, failed = verify()
    assert (code, failed) == (1, {name if name in FILES else "": {"integrity"}})


@pytest.mark.parametrize("name", FILES[:2])
def test_other_model_with_a_matching_digest_fails(
    name: str, copy: Path, seal: Callable[[], None], verify: Verify
) -> None:
    (copy / name).write_bytes(other_weights((copy / name).read_bytes()))
    seal()
    code, failed = verify()
    assert code == 1
    assert failed[name] >= {"reproduction", "parity"}


def test_other_model_with_rerecorded_outputs_differs_from_the_keras_model(
    copy: Path, tmp_path: Path, regild: Change, seal: Callable[[], None], verify: Verify
) -> None:
    name = "lenet5-float32.tflite"
    (copy / name).write_bytes(other_weights((copy / name).read_bytes()))
    golden.read(copy / "golden.npz").samples("image").save(tmp_path / "samples")
    said = measure(copy / name, tmp_path / "samples", camera_bytes=False).stored["logits"]
    regild(lambda arrays: arrays.update({f"stored/{name}/logits": said}))
    seal()
    assert verify() == (1, {name: {"parity"}, "lenet5-float32.onnx": {"agreement"}})


def test_copy_under_the_name_of_another_precision_fails(copy: Path, seal: Callable[[], None], verify: Verify) -> None:
    (copy / FILES[0]).write_bytes((copy / FILES[2]).read_bytes())
    seal()
    code, failed = verify()
    assert code == 1
    assert "signature" in failed[FILES[0]]


def test_replaced_golden_file_fails(copy: Path, regild: Change, seal: Callable[[], None], verify: Verify) -> None:
    regild(lambda arrays: arrays.update({key: values[::-1] for key, values in arrays.items() if key[0] in "ip"}))
    assert verify() == (1, NOTHING_RUN)  # data with another digest are not used
    seal()
    code, failed = verify()
    assert code == 1
    assert all("reproduction" in failed[name] for name in FILES)


def test_expected_outputs_of_another_model_fail(regild: Change, seal: Callable[[], None], verify: Verify) -> None:
    regild(lambda arrays: arrays.update({"expected/logits": arrays["expected/logits"][:, ::-1]}))
    seal()
    assert verify() == (1, {name: {"parity" if "float32" in name else "fidelity"} for name in FILES})


@pytest.mark.parametrize(("steps", "code"), [(1, 0), (2, 1)])
def test_rounding_differences_of_one_step_are_tolerated(
    steps: int, code: int, regild: Change, seal: Callable[[], None], verify: Verify
) -> None:
    key = "stored/lenet5-int8.tflite/logits"
    regild(lambda arrays: arrays.update({key: np.where(arrays[key] > 127, arrays[key] - steps, arrays[key] + steps)}))
    seal()
    assert verify() == (code, {"lenet5-int8.tflite": {"reproduction"}} if code else {})


def test_manifest_with_wrong_preprocessing_fails(edit: Change, verify: Verify) -> None:
    edit(lambda manifest: manifest["inputs"]["image"].update(scale=[1 / 127.5]))
    assert verify() == (1, {"": {"preprocessing", "consistency"}})


@pytest.mark.parametrize(("end", "key"), [("inputs", "scale"), ("outputs", "scale"), ("outputs", "zero_point")])
def test_manifest_with_wrong_quantization_fails(end: str, key: str, edit: Change, verify: Verify) -> None:
    def change(manifest: dict[str, Any]) -> None:
        (file,) = (file for file in manifest["files"] if file["file"] == "lenet5-int8.tflite")
        file[end][0][key] += 1

    edit(change)
    assert verify() == (1, {"lenet5-int8.tflite": {"signature"}})


def test_file_that_failed_at_the_export_still_fails(edit: Change, verify: Verify) -> None:
    edit(lambda manifest: manifest["files"][0]["checks"][0].update(passed=False))
    assert verify() == (1, {"lenet5-float32.tflite": {"export", "consistency"}})


def test_unlisted_model_file_is_reported(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (copy / "old.tflite").write_bytes(b"")
    assert main(["verify", str(copy)]) == 0
    assert "old.tflite is not in the manifest: not verified" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "is not an export: it has no manifest.json"),
        ("{", "is damaged"),
        ("[]", "is damaged"),
        ("[" * 100_000, "is damaged"),
        ('{"schema": "zoo-export manifest 99"}', "is required; export the model again"),
        ('{"schema": "zoo-export manifest 2", "companions": {}}', "is damaged (KeyError"),
    ],
)
def test_folder_that_is_not_an_export_is_a_usage_error(
    content: str | None, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        (tmp_path / "manifest.json").write_text(content)
    assert main(["verify", str(tmp_path)]) == 2
    complaint = capsys.readouterr().err
    assert complaint.count("\n") == 1
    assert words in complaint


@pytest.mark.parametrize("name", ["../lenet5-int8.tflite", "/etc/passwd", ".."])
def test_manifest_paths_stay_inside_the_folder(
    name: str, copy: Path, edit: Change, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(lambda manifest: manifest["files"][0].update(file=name))
    assert main(["verify", str(copy)]) == 2
    assert "is damaged" in capsys.readouterr().err


class _Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("unpickled"),)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 nothing more", pickle.dumps(_Bomb())])
def test_unreadable_golden_file_fails(content: bytes, copy: Path, seal: Callable[[], None], verify: Verify) -> None:
    (copy / "golden.npz").write_bytes(content)
    seal()
    assert verify() == (1, NOTHING_RUN)


def test_golden_file_is_never_unpickled(
    regild: Change, seal: Callable[[], None], verify: Verify, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    regild(lambda arrays: arrays.update({"input/image": np.array([_Bomb()], object)}))
    seal()
    assert verify() == (1, NOTHING_RUN)
    assert not Path("unpickled").exists()


def test_huge_golden_file_is_not_unpacked(
    regild: Change, seal: Callable[[], None], verify: Verify, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(golden, "MAX_UNPACKED_BYTES", 1_000_000)
    regild(lambda arrays: arrays.update({"expected/logits": np.zeros((8, 100_000), np.float32)}))
    seal()
    assert verify() == (1, NOTHING_RUN)


def test_tolerances_for_few_samples_still_reject_another_model() -> None:
    tolerance = for_few(FIDELITY[INT8], 8)
    assert 0 < tolerance.min_sqnr_db < FIDELITY[INT8].min_sqnr_db
    assert tolerance.min_top1_agreement is not None
    assert tolerance.min_top1_agreement > 0.1  # the share by chance for ten classes


@pytest.mark.parametrize("room", [2_000, 150_000], ids=["for no sample", "for no copy of a model"])
def test_full_temporary_disk_is_an_outside_failure_in_one_line(room: int, exported: Path, tmp_path: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    words = [*PROGRAM, "verify", str(exported)]
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    result = subprocess.run(words, capture_output=True, text=True, env=environment, preexec_fn=limit, check=False)
    (line,) = [line for line in result.stderr.splitlines() if not line.startswith("- ")]
    assert line.startswith("error: the disk of temporary files is full")
    assert "set TMPDIR" in line
    assert (result.returncode, result.stdout) == (3, "")
    assert list(tmp_path.iterdir()) == []
