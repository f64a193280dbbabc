"""The Python of docs/decoders.md writes the text that the Keras model writes."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from export.formats import FORMATS
from tests.language.small_decoders import small

PAGE = Path(__file__).resolve().parents[2] / "docs" / "decoders.md"


def test_the_python_writes_the_likeliest_tokens(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    decoder = small("stories15m")
    path = tmp_path / "small.onnx"
    path.write_bytes(FORMATS["onnx"].convert(decoder.model, decoder=decoder.decoder()))
    chosen = f"FILE, PROMPT, COUNT = {str(path)!r}, [3, 60, 7], 9"
    code, count = re.subn(r"^FILE, PROMPT, COUNT = .*$", lambda _: chosen, code, flags=re.MULTILINE)
    assert count == 1
    exec(compile(code, "decoders.md", "exec"), {})
    text = [3, 60, 7]
    while len(text) < 12:
        padded = np.array([text + [0] * (12 - len(text))], np.int32)
        text.append(int(np.asarray(decoder.model(padded))[0, len(text) - 1].argmax()))
    assert capsys.readouterr().out.strip() == str(text)
