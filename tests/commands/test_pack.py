"""`zoo pack` writes a delivered decoder with what other runtimes need, and loses nothing of the user's."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest

from export.bundle.deploy import TARGETS
from export.cli.main import main
from export.pipeline import run
from export.recipe import Io, Recipe
from export.scheme import INT8


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    delivery = run(Recipe(model="gpt_small", options={"length": 16}, out=tmp_path_factory.mktemp("out"), probe_count=8))
    assert delivery.folder is not None
    return delivery.folder


@pytest.fixture(scope="module")
def integers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export with integer inputs and outputs."""
    recipe = Recipe(
        model="lenet5",
        schemes=(INT8,),
        io=Io.INT8,
        formats=("tflite",),
        reconstruct=False,
        out=tmp_path_factory.mktemp("out"),
    )
    delivery = run(recipe)
    assert delivery.folder is not None
    return delivery.folder


@pytest.mark.parametrize(
    "target", [pytest.param(name, marks=pytest.mark.large) if name == "ethos-u" else name for name in TARGETS]
)
def test_packed_files_are_listed_with_their_checksums(
    target: str, request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exported = request.getfixturevalue("exported" if TARGETS[target].io is None else "integers")
    if target == "browser" and shutil.which("npm") is None:
        pytest.skip("npm is not installed; type: bash .ci/install-browser")
    command = ["pack", str(exported), "--target", target, "--out", str(tmp_path / "new")]
    assert main([*command, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    mark, *lines = (tmp_path / "new" / "SHA256SUMS").read_text().splitlines()
    assert mark.startswith("#")  # a comment for sha256sum
    listed = dict(reversed(line.split("  ")) for line in lines)
    assert {*listed, "SHA256SUMS"} == set(record["files"])
    for name, digest in listed.items():
        assert hashlib.sha256((tmp_path / "new" / name).read_bytes()).hexdigest() == digest
    assert main(command) == 0  # The same files again: nothing of a user's is lost.
    _, *again = (tmp_path / "new" / "SHA256SUMS").read_text().splitlines()
    assert dict(reversed(line.split("  ")) for line in again) == listed


def test_files_of_the_user_are_not_replaced(exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new = tmp_path / "new"
    command = ["pack", str(exported), "--target", "transformers-js", "--out", str(new)]
    assert main(command) == 0
    for name, make in (
        ("mine.txt", lambda path: path.write_text("mine")),
        ("broken", lambda path: path.symlink_to(tmp_path / "nowhere")),
        ("linked", lambda path: path.symlink_to(tmp_path)),
        ("empty", lambda path: path.mkdir()),
    ):
        make(new / name)
        assert main(command) == 2, name
        assert "choose another folder with --out" in capsys.readouterr().err
        assert os.path.lexists(new / name)
        (new / name).rmdir() if name == "empty" else (new / name).unlink()
    assert main(command) == 0


def test_folders_without_a_name_are_packed(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(exported, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    assert main(["pack", ".", "--target", "onnxruntime-genai"]) == 0
    assert (tmp_path / "copy-onnxruntime-genai" / "genai_config.json").is_file()
    assert main(["pack", ".", "--target", "onnxruntime-genai", "--out", "inside"]) == 2
    assert "choose another folder with --out" in capsys.readouterr().err


def test_changed_files_are_not_packed(exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed = tmp_path / "changed"
    changed.mkdir()
    for path in exported.iterdir():
        (changed / path.name).write_bytes(path.read_bytes())
    file = next(changed.glob("*float32.tflite"))
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    assert main(["pack", str(changed), "--target", "litert-lm"]) == 1
    assert "zoo verify" in capsys.readouterr().err
    assert not list(tmp_path.glob("changed-*"))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--target", "litert"], "did you mean 'litert-lm'?"),
        (["--target", "litert-lm", "--precision", "int8"], "it has float32"),
    ],
)
def test_wrong_words_are_answered(
    words: list[str], expected: str, exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pack", str(exported), *words]) == 2
    assert expected in capsys.readouterr().err


def test_networks_that_write_no_text_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    delivery = run(Recipe(model="lenet5", options={}, weights="random", out=tmp_path))
    assert main(["pack", str(delivery.folder), "--target", "litert-lm"]) == 2
    assert "continue texts" in capsys.readouterr().err
