"""The folder of a device runs and checks its files with numpy, Pillow and a runtime, far from this project."""

from __future__ import annotations

import ast
import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from export.bundle.deploy.programs import LIBRARY, MODULES
from export.cli.main import main

NEEDED = {"numpy", "PIL", "onnxruntime", "tokenizers"}
CAMERAS = {"picamera2", "cv2"}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an export, with that of a Raspberry Pi beside it."""
    out = tmp_path_factory.mktemp("out")
    assert main(["export", "lenet5", "--int8", "--target", "raspberry-pi", "--out", str(out)]) == 0
    return out / "lenet5"


@pytest.fixture
def folder(exported: Path, tmp_path: Path) -> Path:
    """A packed folder that a test may change."""
    assert main(["pack", str(exported), "--target", "raspberry-pi", "--out", str(tmp_path / "pi")]) == 0
    return tmp_path / "pi"


def started(folder: Path, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script of the folder, with none of this project's modules within reach."""
    command = [sys.executable, "-E", "-s", "-P", str(folder / script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder.parent)


def test_an_export_for_a_device_checks_itself_there(exported: Path) -> None:
    done = started(exported.with_name("lenet5-raspberry-pi"), "selfcheck.py", "--json", "--bench")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["files"]
    assert [row["state"] for row in rows] == ["passed", "passed"]
    assert all(row["identical"] and row["p50_ms"] > 0 for row in rows)


def test_the_code_of_a_device_imports_nothing_that_is_not_there(folder: Path) -> None:
    library = folder / LIBRARY
    here = {path.name for path in library.iterdir() if path.is_dir()}
    for path in library.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            for name in names:
                first = name.partition(".")[0]
                assert first in sys.stdlib_module_names | NEEDED | CAMERAS | here, f"{path.name} imports {name}"
    assert all((library / name).is_file() for name in MODULES)


@pytest.mark.parametrize("size", [(61, 47), (300, 200)])
def test_a_device_predicts_what_zoo_run_predicts(
    size: tuple[int, int], exported: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    photo = tmp_path / "photo.png"
    Image.fromarray(pixels).save(photo)
    capsys.readouterr()
    assert main(["run", str(exported), str(photo), "--json"]) == 0
    expected = json.loads(capsys.readouterr().out)["answers"][0]["guesses"][0]
    done = started(folder, "run.py", str(photo))
    assert done.returncode == 0, done.stderr
    share, name = done.stdout.splitlines()[1].split(maxsplit=1)
    assert name == expected["name"]
    assert abs(float(share.rstrip("%")) / 100 - expected["probability"]) < 0.001


def test_frames_of_a_folder_take_the_place_of_a_camera(folder: Path, tmp_path: Path) -> None:
    frames = tmp_path / "frames"
    frames.mkdir()
    for number in range(3):
        Image.new("RGB", (64, 48), (80 * number,) * 3).save(frames / f"{number}.png")
    done = started(folder, "camera.py", "--frames", str(frames), "--most", "2")
    assert done.returncode == 0, done.stderr
    assert [line.split(",")[0] for line in done.stdout.splitlines()] == ["frame 0", "frame 1"]


def rewritten(folder: Path, change: str) -> None:
    """Change all arrays of the golden data whose names begin with `change`."""
    with np.load(folder / "golden.npz") as arrays:
        content = {name: arrays[name] for name in arrays.files}
    for name, values in content.items():
        if name.startswith(change):
            content[name] = np.roll(values, 3, axis=-1) if change == "stored" else np.repeat(values[:1], len(values), 0)
    np.savez(folder / "golden.npz", **content)
    record = json.loads((folder / "model.json").read_text())
    record["companions"]["golden.npz"] = hashlib.sha256((folder / "golden.npz").read_bytes()).hexdigest()
    (folder / "model.json").write_text(json.dumps(record))


@pytest.mark.parametrize(
    ("change", "words"), [("stored", "rounded otherwise here"), ("fed", "the outputs are the same for every input")]
)
def test_other_outputs_fail_the_self_check(change: str, words: str, folder: Path) -> None:
    rewritten(folder, change)
    done = started(folder, "selfcheck.py")
    assert done.returncode == 1
    assert words in done.stdout


def test_a_file_that_was_copied_in_part_is_not_run(folder: Path) -> None:
    file = folder / "lenet5-int8.tflite"
    file.write_bytes(file.read_bytes()[:-100])
    done = started(folder, "selfcheck.py")
    assert done.returncode == 2
    assert "copy the folder again" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["no.jpg"], "cannot be read as a photo"),
        (["no.jpg", "--file", "x.tflite"], "type one of lenet5-int8.tflite, lenet5-int8.onnx"),
    ],
)
def test_mistakes_on_the_device_are_answered_in_one_line(arguments: list[str], words: str, folder: Path) -> None:
    done = started(folder, "run.py", *arguments)
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if not line.startswith("INFO: ")]
    assert words in line


def test_a_zip_holds_the_folder_and_is_replaced_only_if_it_was_packed_here(
    exported: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["pack", str(exported), "--target", "raspberry-pi", "--out", str(folder), "--zip"]
    assert main(command) == 0
    path = folder.with_name("pi.zip")
    first = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "unpacked")
    unpacked, packed = (
        {str(one.relative_to(root)) for one in root.rglob("*") if one.is_file()}
        for root in (tmp_path / "unpacked" / "pi", folder)
    )
    assert unpacked == packed
    assert main(command) == 0
    assert path.read_bytes() == first  # the same files give the same archive
    for option in (["--zip"], []):  # the name of the .zip itself
        named = tmp_path / "named" / "pi.zip"
        assert main([*command[:4], "--out", str(named), *option]) == 0
        assert [path.name for path in named.parent.iterdir()] == ["pi.zip"]
        assert named.read_bytes() == first
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("pi/mine.txt", "mine")
    capsys.readouterr()
    assert main(command) == 2
    assert "choose another folder with --out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--target", "raspbery-pi"], "did you mean 'raspberry-pi'?"),
        (["--zip"], "add for example --target raspberry-pi"),
        (["--target", "litert-lm", "--format", "onnx"], "add --format tflite"),
    ],
)
def test_wrong_targets_are_answered_before_the_export(
    words: list[str], expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "lenet5", "--int8", "--out", str(tmp_path), *words]) == 2
    assert expected in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_folders_of_the_user_with_a_list_of_checksums_are_kept(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "only_copy.txt").write_text("mine")
    digest = hashlib.sha256(b"mine").hexdigest()
    (mine / "SHA256SUMS").write_text(f"{digest}  only_copy.txt\n")
    assert main(["pack", str(exported), "--target", "raspberry-pi", "--out", str(mine)]) == 2
    assert "choose another folder with --out" in capsys.readouterr().err
    assert (mine / "only_copy.txt").read_text() == "mine"


@pytest.mark.parametrize("change", ["link", "edit", "lost"])
def test_class_names_that_were_changed_are_not_packed(
    change: str, exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(exported, copy)
    labels = copy / "labels.txt"
    if change == "edit":
        labels.write_text("fake\n" + labels.read_text())
    else:
        labels.unlink()
    if change == "link":
        (tmp_path / "secret").write_text("secret")
        labels.symlink_to(tmp_path / "secret")
    assert main(["pack", str(copy), "--target", "raspberry-pi", "--out", str(tmp_path / "new")]) == 1
    assert "labels.txt: " in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def lose(folder: Path, name: str) -> None:
    (folder / name).unlink()


def cut(folder: Path, name: str) -> None:
    (folder / name).write_bytes((folder / name).read_bytes()[:-50])


def empty(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"")


def rename_file(folder: Path, name: str) -> None:
    record = json.loads((folder / name).read_text())
    record["files"][0]["file"] = "../../../etc/passwd"
    (folder / name).write_text(json.dumps(record))


@pytest.mark.parametrize("script", ["selfcheck.py", "run.py"])
@pytest.mark.parametrize(
    ("damage", "name"),
    [
        (lose, "labels.txt"),
        (cut, "golden.npz"),
        (empty, "golden.npz"),
        (empty, "model.json"),
        (lose, "model.json"),
        (rename_file, "model.json"),
        (cut, "lenet5-int8.tflite"),
    ],
)
def test_a_damaged_folder_is_answered_in_one_line(
    damage: Callable[[Path, str], None], name: str, script: str, folder: Path, exported: Path
) -> None:
    damage(folder, name)
    photo = [str(exported / "golden_photo.png")] if script == "run.py" else []
    done = started(folder, script, *photo)
    assert done.returncode == 2, done.stderr
    assert "copy" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [["--samples", "0"], ["--threads", "-1"]])
def test_numbers_below_one_are_refused(words: list[str], folder: Path) -> None:
    done = started(folder, "selfcheck.py", *words)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_formats_are_not_chosen_on_a_machine(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(exported), "--on", "aarch64", "--format", "onnx"]) == 2
    assert "leave out --format" in capsys.readouterr().err
