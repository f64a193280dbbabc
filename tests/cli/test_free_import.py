"""`--help` and `zoo list` import no slow modules."""

from __future__ import annotations

import subprocess
import sys

import pytest

from export.cli.main import SECTIONS, load_command

SLOW = ("tensorflow", "numpy", "keras", "onnx", "onnxruntime", "skimage", "PIL", "importlib.metadata")
SLOW_FOR_HELP = (*SLOW, "rich")


@pytest.mark.parametrize(
    ("arguments", "slow"),
    [(["--help"], SLOW_FOR_HELP), (["list"], SLOW), (["list", "--json"], SLOW_FOR_HELP)],
)
def test_help_and_list_import_no_slow_modules(arguments: list[str], slow: tuple[str, ...]) -> None:
    program = (
        "import sys; from export.cli.main import main\n"
        f"code = main({arguments!r})\n"
        f"print([name for name in {slow!r} if name in sys.modules], file=sys.stderr)\n"
        "sys.exit(code)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (result.returncode, result.stderr.strip()) == (0, "[]")


@pytest.mark.parametrize(("name", "line"), [pair for lines in SECTIONS.values() for pair in lines.items()])
def test_help_line_equals_the_first_sentence_of_the_command(name: str, line: str) -> None:
    assert (load_command(name).help or "").splitlines()[0] == line
