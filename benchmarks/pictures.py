"""The pictures of the README from a real run: what the terminal shows, and the top of report.html.

python -m benchmarks pictures
"""

from __future__ import annotations

import argparse
import base64
import io
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from export.runtime.emulation import chromium

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
COMMAND = "zoo-export mobilenet --int8"
COLUMNS = 100
REPORT_WIDTH = 1000
COLOURS = 96  # of the PNG: enough for text and bars
# A picture in a README must load nothing: the fonts of a template of rich come from a server.
_FONT_FACES = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
# The place of the section behind the files: above it are verdicts, sizes and latencies.
_END_OF_FILES = "Math.floor(document.querySelectorAll('h2')[1].getBoundingClientRect().top) - 8"
_LOADED = """
new Promise((done) => document.readyState === "complete" ? done() : addEventListener("load", () => done()))
"""


def main(words: Sequence[str]) -> int:
    """Export MobileNet as the README says, and draw both pictures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks pictures", description=__doc__)
    parser.parse_args(words)
    PICTURES.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder:
        shown = run(Path(folder))
        (PICTURES / "terminal.svg").write_text(as_svg(shown), encoding="utf-8")
        (PICTURES / "report.png").write_bytes(photographed(Path(folder) / "artifacts/mobilenet/report.html"))
    return 0


def run(folder: Path) -> str:
    """Export in `folder`, and return the results that a terminal of `COLUMNS` columns shows, with its colours."""
    environment = {
        **os.environ,
        # As in an activated environment, where messages name `zoo` and not its path.
        "PATH": os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)]),
        "FORCE_COLOR": "1",
        "COLORTERM": "truecolor",
        "COLUMNS": str(COLUMNS),
    }
    command = [sys.executable, "-c", "import sys; from export.cli.main import main_export; sys.exit(main_export())"]
    done = subprocess.run(
        [*command, *COMMAND.split()[1:]], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout


def as_svg(shown: str) -> str:
    """Return a picture of a terminal with the command and what it printed."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text("$ ", style="green") + Text(COMMAND, style="bold"))
    console.print(Text.from_ansi(shown.rstrip("\n")), soft_wrap=True)
    console.print()  # room for the underscores of the last line
    svg = console.export_svg(title="", theme=MONOKAI, unique_id="terminal")
    return _FONT_FACES.sub("", svg)


def photographed(report: Path) -> bytes:
    """Return the top of a report as a PNG of few colours."""
    with chromium.opened() as page:
        page.send("Emulation.setScrollbarsHidden", hidden=True)
        page.resize(REPORT_WIDTH, 2 * REPORT_WIDTH)
        page.send("Page.navigate", url=report.as_uri())
        page.evaluate(_LOADED)
        clip = {"x": 0, "y": 0, "width": REPORT_WIDTH, "height": page.evaluate(_END_OF_FILES), "scale": 1}
        taken = page.send("Page.captureScreenshot", clip=clip)
    with Image.open(io.BytesIO(base64.b64decode(taken["data"]))) as picture:
        few = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    content = io.BytesIO()
    few.save(content, "png", optimize=True)
    return content.getvalue()
