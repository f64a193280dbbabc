"""The page of a packed model computes in Chromium what the native runtimes computed at the export."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from export.bundle import deploy
from export.bundle.deploy.pack import pack
from export.bundle.read import read
from export.cli.main import main
from export.progress import Quiet
from export.runtime.emulation.chromium import Page
from tests.browser.conftest import served

LENET = ("lenet5", "--precision", "float32,float16,int8,w8a16,w8a32", "--no-reconstruct")
NETWORKS = {
    "resnet50": ("resnet50", "--weights", "tiny", "--int8", "--no-reconstruct"),
    "unet": ("unet", "--weights", "tiny", "--int8", "--no-reconstruct"),
    "vae": ("vae", "--int8"),  # whose integers are not proven without reconstruction
    "yolo_v4_tiny": ("yolo_v4_tiny", "--weights", "tiny", "--int8", "--no-reconstruct"),
    "int8 inputs": ("lenet5", "--int8", "--io", "int8", "--no-reconstruct"),
}


def packed(export: Path, precision: str, out: Path) -> Path:
    return pack(read(export), deploy.find("browser"), precision, out, Quiet()).path


def self_check(browser: Page, folder: Path) -> Any:
    """Return what the self-check of a page says; nothing may come from elsewhere."""
    browser.requests.clear()
    with served(folder) as address:
        browser.open(address)
        found = browser.evaluate("page.checkAll()")
        assert {one for one in browser.requests if not one.startswith((address, "data:", "blob:"))} == set()
    assert len(found["files"]) == 2
    return found


@pytest.mark.parametrize("precision", ["int8", "float32", "float16", "w8a16", "w8a32"])
def test_both_runtimes_repeat_the_outputs_of_the_export(
    precision: str, exported: Callable[..., Path], browser: Page, tmp_path: Path
) -> None:
    found = self_check(browser, packed(exported(*LENET), precision, tmp_path / "page"))
    assert found["passed"], found
    if precision == "int8":
        assert all(one["identical"] for file in found["files"] for one in file["outputs"]), found


@pytest.mark.large
@pytest.mark.parametrize("network", NETWORKS)
def test_integer_files_of_every_task_are_identical(
    network: str, exported: Callable[..., Path], browser: Page, tmp_path: Path
) -> None:
    folder = exported(*NETWORKS[network])
    found = self_check(browser, packed(folder, "int8", tmp_path / "page"))
    assert found["passed"], found
    records = {record["file"]: record for record in read(folder).manifest["files"]}
    for file in found["files"]:
        # Floats may be rounded otherwise, which moves an integer behind them by one step.
        has_floats = any("not all-integer" in note for note in records[file["file"]]["notes"])
        for one in file["outputs"]:
            assert one["identical"] or (has_floats and one["words"].endswith("within one step, 1 at most")), found


def test_a_changed_file_fails_its_self_check(exported: Callable[..., Path], browser: Page, tmp_path: Path) -> None:
    folder = packed(exported(*LENET), "int8", tmp_path / "page")
    for file in folder.glob("*int8.*"):
        content = bytearray(file.read_bytes())
        content[len(content) // 2 : len(content) // 2 + 4000] = bytes(4000)  # inside the largest weights
        file.write_bytes(content)
    found = self_check(browser, folder)
    assert [file["passed"] for file in found["files"]] == [False, False], found


def test_a_photo_gets_the_classes_of_zoo_run(
    exported: Callable[..., Path],
    photos: list[Path],
    browser: Page,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    export = exported(*LENET)
    capsys.readouterr()
    assert main(["run", str(export), str(photos[0]), "--json"]) == 0
    (record,) = json.loads(capsys.readouterr().out)["answers"]
    with served(packed(export, "int8", tmp_path / "page")) as address:
        browser.open(address)
        browser.choose("#chosen", photos[0])
        browser.evaluate(
            "new Promise((done) => { const look = () => document.querySelector('#rows li') ? done() : "
            "setTimeout(look, 20); look(); })"
        )
        shown = browser.evaluate("Array.from(document.querySelectorAll('#rows .name'), (one) => one.textContent)")
        timing = browser.evaluate("document.getElementById('timing').textContent")
    assert shown == [guess["name"] for guess in record["guesses"]]
    assert "LiteRT.js" in timing


def test_a_frame_of_the_webcam_is_classified(exported: Callable[..., Path], browser: Page, tmp_path: Path) -> None:
    with served(packed(exported(*LENET), "int8", tmp_path / "page")) as address:
        browser.open(address)
        browser.evaluate("document.getElementById('webcam').click()")
        browser.evaluate(
            "new Promise((done) => { const look = () => document.querySelector('#rows li') ? done() : "
            "setTimeout(look, 20); look(); })"
        )
        browser.evaluate("document.getElementById('webcam').click()")
        assert browser.evaluate("page.state.stream === null")


def test_the_page_fits_a_phone(
    exported: Callable[..., Path], photos: list[Path], browser: Page, tmp_path: Path
) -> None:
    with served(packed(exported(*LENET), "int8", tmp_path / "page")) as address:
        browser.resize(390, 844)
        browser.open(address)
        browser.choose("#chosen", photos[0])
        browser.evaluate("page.checkAll()")
        width = browser.evaluate("document.documentElement.scrollWidth")
    assert width <= 390


def test_the_bundle_needs_nothing_beside_it(exported: Callable[..., Path], browser: Page, tmp_path: Path) -> None:
    """A folder that was copied elsewhere runs as well: nothing in it refers to the export."""
    folder = packed(exported(*LENET), "int8", tmp_path / "page")
    moved = Path(shutil.move(folder, tmp_path / "moved with spaces"))
    assert self_check(browser, moved)["passed"]
