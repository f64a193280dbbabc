"""The pictures of the README are small, load nothing, and show what a terminal of 100 columns shows."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

from PIL import Image

from benchmarks import pictures

ROOT = Path(__file__).resolve().parents[2]
MOST_BYTES = 150_000


def test_pictures_are_small_and_the_readme_shows_each() -> None:
    shown = re.findall(r"!\[[^\]]{20,}\]\((docs/pictures/[^)]*)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert sorted(shown) == sorted(f"docs/pictures/{path.name}" for path in pictures.PICTURES.iterdir())
    for path in pictures.PICTURES.iterdir():
        assert path.stat().st_size <= MOST_BYTES
    with Image.open(pictures.PICTURES / "report.png") as report:
        assert report.width == pictures.REPORT_WIDTH
        assert 500 < report.height < 900


def test_the_terminal_shows_the_command_and_a_verdict_in_both_formats() -> None:
    text = (pictures.PICTURES / "terminal.svg").read_text(encoding="utf-8")
    words = "".join(ElementTree.fromstring(text).itertext()).replace("\N{NO-BREAK SPACE}", " ")
    assert pictures.COMMAND in words
    assert re.search(r"int8 +\.tflite +4\.\d+ MB.*proven.*int8 +\.onnx +4\.\d+ MB.*proven", words, re.DOTALL)
    assert "next: zoo run artifacts/mobilenet" in words


def test_a_picture_of_a_terminal_loads_nothing_and_keeps_colours() -> None:
    svg = pictures.as_svg("\x1b[32mproven\x1b[0m  int8\n")
    addresses = set(re.findall(r"\w+://[^\"'\s<)]+", svg))
    assert addresses <= {"http://www.w3.org/2000/svg", "https://www.textualize.io"}
    assert "@font-face" not in svg
    assert pictures.COMMAND.replace(" ", "&#160;") in svg
    assert len(set(re.findall(r"terminal-r\d+ \{ fill: (#\w+)", svg))) >= 2
