"""Update the cards of the zoo: the output of their Python and their diagrams, where they have some.

python -m benchmarks cards [--models NAME,NAME]
"""

from __future__ import annotations

import argparse
import contextlib
import io
import re
from collections.abc import Sequence
from pathlib import Path

import zoo
from export.cli.main import main as command

CARDS = Path(zoo.__file__).parent / "cards"
DIAGRAMS = CARDS / "diagrams"
# The Python of a card, and its output.
EXAMPLE = re.compile(r"```python\n(?P<code>.*?)```\n(?P<words>.*?)```text\n(?P<output>.*?)```", re.DOTALL)
# Parts of an .svg that are not visible and differ between versions of Graphviz.
_NOISE = (r"<!--.*?-->\n?", r' xml:space="preserve"', r"<title>\d+</title>\n")


def main(words: Sequence[str]) -> int:
    """Update the cards that the command line names, all of them if it names none."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks cards", description=__doc__)
    parser.add_argument("--models", default=",".join(zoo.names()), help="architectures; all of them if not given")
    DIAGRAMS.mkdir(exist_ok=True)
    for name in parser.parse_args(words).models.split(","):
        card = CARDS / f"{name}.md"
        text = card.read_text(encoding="utf-8")
        if "```python" in text:
            card.write_text(with_output(text), encoding="utf-8")
        if f"diagrams/{name}.svg" in text:
            draw(name, DIAGRAMS / f"{name}.svg")
    return 0


def with_output(card: str) -> str:
    """Return the card with the current output of its Python."""
    found = EXAMPLE.search(card)
    if found is None:
        raise ValueError("the card has no Python followed by its output")
    start, end = found.span("output")
    return card[:start] + printed(found["code"]) + card[end:]


def printed(code: str) -> str:
    """Run `code` and return what it prints."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compile(code, "card", "exec"), {})
    return output.getvalue()


def draw(name: str, path: Path) -> None:
    """Write the diagram of an architecture as a small .svg."""
    if code := command(["show", name, "--diagram", str(path)]):
        raise RuntimeError(f"zoo show {name} --diagram {path} exited with {code}")
    content = path.read_text(encoding="utf-8")
    for noise in _NOISE:
        content = re.sub(noise, "", content, flags=re.DOTALL)
    path.write_text(content, encoding="utf-8")
