"""`zoo verify DIR --on browser` runs every delivered file in Chromium."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from export.bundle.deploy import in_browser
from export.bundle.web import libraries
from export.cli.main import main
from export.runtime.emulation import chromium
from zoo.pinned import Source

LENET = ("lenet5", "--precision", "float32,int8", "--no-reconstruct")
needs_chromium = pytest.mark.skipif(
    chromium.program() is None or shutil.which("npm") is None, reason="type: bash .ci/install-browser"
)


@needs_chromium
def test_every_file_is_run_and_integers_are_identical(
    exported: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    export = exported(*LENET)
    capsys.readouterr()
    assert main(["verify", str(export), "--on", "browser", "--samples", "2", "--json"]) == 0
    files = {one["file"]: one for one in json.loads(capsys.readouterr().out)["files"]}
    assert {one["samples"] for one in files.values()} == {2}
    assert {name: one["runtime"] for name, one in files.items()} == {
        "lenet5-float32.tflite": "LiteRT.js",
        "lenet5-float32.onnx": "ONNX Runtime Web",
        "lenet5-int8.tflite": "LiteRT.js",
        "lenet5-int8.onnx": "ONNX Runtime Web",
    }
    assert all(one["state"] == "passed" for one in files.values()), files
    assert files["lenet5-int8.tflite"]["is_identical"]
    assert files["lenet5-int8.onnx"]["is_identical"]


@needs_chromium
def test_a_page_that_fails_is_a_failed_check(
    exported: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = in_browser.BROWSER.files

    def broken(model: object) -> dict[str, bytes | Path]:
        return {**sources(model), "predictions.js": b"export const nothing = 0;"}  # type: ignore[arg-type]

    monkeypatch.setattr(in_browser, "BROWSER", replace(in_browser.BROWSER, files=broken))
    monkeypatch.setattr(chromium, "START_SECONDS", 2)
    assert main(["verify", str(exported(*LENET)), "--on", "browser"]) == 1
    assert "its script does not start" in capsys.readouterr().err


def test_what_is_missing_is_explained(
    exported: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    export = exported(*LENET)
    monkeypatch.setattr(chromium, "program", lambda: None)
    assert main(["verify", str(export), "--on", "browser"]) == 3
    assert "apt-get install chromium" in capsys.readouterr().err
    monkeypatch.setenv("ZOO_EXPORT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))  # no npm
    assert main(["pack", str(export), "--target", "browser", "--out", str(tmp_path / "page")]) == 3
    assert "apt-get install npm" in capsys.readouterr().err
    assert not (tmp_path / "page").exists()


def test_the_libraries_are_pinned() -> None:
    every = [source for library in libraries.RUNTIMES.values() for source, _ in library.sources]
    assert all(isinstance(source, Source) and len(source.sha256) == 64 for source in every)
