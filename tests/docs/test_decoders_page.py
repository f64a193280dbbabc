"""The Python of docs/decoders.md writes the texts that the Keras models write."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

import zoo
from export.formats import FORMATS
from tests.language.small_decoders import small
from zoo import weights
from zoo.language.tokenizer import FILE, Tokenizer

PAGE = Path(__file__).resolve().parents[2] / "docs" / "decoders.md"


def run_example(number: int, chosen: str) -> None:
    """Run the Python of the page with that number; `chosen` takes the place of its line with FILE."""
    code = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[number]
    code, count = re.subn(r"^FILE, .*$", lambda _: chosen, code, flags=re.MULTILINE)
    assert count == 1
    exec(compile(code, "decoders.md", "exec"), {})


def test_the_python_writes_the_likeliest_tokens(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    decoder = small("stories15m")
    path = tmp_path / "small.onnx"
    path.write_bytes(FORMATS["onnx"].convert(decoder.model, decoder=decoder.decoder()))
    run_example(0, f"FILE, PROMPT, COUNT = {str(path)!r}, [3, 60, 7], 9")
    text = [3, 60, 7]
    while len(text) < 12:
        padded = np.array([text + [0] * (12 - len(text))], np.int32)
        text.append(int(np.asarray(decoder.model(padded))[0, len(text) - 1].argmax()))
    assert capsys.readouterr().out.strip() == str(text)


def test_the_python_translates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    architecture = zoo.find("transformer_dates")
    model, path = architecture.build(), tmp_path / "dates.onnx"
    weights.load(model, architecture)
    assert architecture.decoder is not None
    assert architecture.companions is not None
    path.write_bytes(FORMATS["onnx"].convert(model, decoder=architecture.decoder(model)))
    run_example(1, f"FILE, BEGIN, END = {str(path)!r}, 1, 2")
    tokens = json.loads(capsys.readouterr().out)
    assert Tokenizer(architecture.companions()[FILE]).decode(tokens) == "1999-03-03"
