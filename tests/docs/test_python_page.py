"""The code in the documents runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import zoo_export

PAGE = Path(__file__).parents[2] / "docs" / "python.md"


def test_code_of_the_python_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 3
    monkeypatch.chdir(tmp_path)
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), {})
    printed = capsys.readouterr().out
    assert "True ['my_net-int8.onnx', 'my_net-int8.tflite']" in printed
    assert "True artifacts/lenet5" in printed
    assert printed.count(" dB\n") == 4
    assert "uint8" in printed


@pytest.mark.parametrize("page", ["README.md", "docs/python.md", "docs/zoo_tutorial.md"])
def test_the_pages_use_public_names_only(page: str) -> None:
    text = (PAGE.parents[1] / page).read_text(encoding="utf-8")
    used = set(re.findall(r"\bzoo_export\.(\w+)", text))
    assert used
    assert used <= set(zoo_export.__all__)
    assert "from export" not in text
