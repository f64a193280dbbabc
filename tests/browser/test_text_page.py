"""The page writes, translates and completes texts as `zoo run` does, and its self-check passes for such networks."""

from __future__ import annotations

import json
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

WRITERS = {
    "gpt_small": (("gpt_small", "--int8"), "ROMEO:"),
    "transformer_dates": (("transformer_dates", "--int8"), "the third of may 2021"),
    "bert_tiny": (("bert_tiny", "--weights", "tiny", "--int8"), "to be or not to [MASK]"),
}
EVERY = [name if name == "gpt_small" else pytest.param(name, marks=pytest.mark.large) for name in WRITERS]


def said(export: Path, text: str, file: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Return what `zoo run` writes: the whole text, the translation, or the likeliest hidden token."""
    capsys.readouterr()
    assert main(["run", str(export), text, "--file", file, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)["answers"][0]
    if "places" in found:
        return str(found["places"][0][0]["token"])
    return str(found["translation"]) if "translation" in found else found["prompt"] + found["text"]


@pytest.mark.parametrize("network", EVERY)
def test_texts_are_those_of_zoo_run_in_both_runtimes(
    network: str, exported: Callable[..., Path], browser: Page, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words, text = WRITERS[network]
    export = exported(*words)
    folder = pack(read(export), deploy.find("browser"), None, tmp_path / "page", Quiet()).path
    with served(folder) as address:
        browser.open(address)
        for number, file in enumerate(read(export).files):
            browser.evaluate(
                "(async () => { const files = document.getElementById('file');"
                f"files.selectedIndex = {number}; await files.onchange({{ target: files }});"
                f"document.getElementById('text').value = {json.dumps(text)};"
                "await document.getElementById('read').onclick(); })()"
            )
            shown = browser.evaluate("document.querySelector('#rows .written, #rows .name').textContent")
            assert shown.strip() == said(export, text, file.path.name, capsys).strip(), file.path.name
        found = browser.evaluate("page.checkAll()")
    assert found["passed"], found
    assert len(found["files"]) == 2
