"""`zoo show NAME --code` prints a program that can be copied from a terminal or a pipe, and that runs as printed."""

from __future__ import annotations

import ast
import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import zoo
from benchmarks.cards import CARDS, EXAMPLE
from benchmarks.cards import printed as output_of
from export.cli.main import main
from tests.program import PROGRAM
from tests.typed_lines import statements
from zoo.architecture import ARCHITECTURES

ROOT = Path(__file__).resolve().parents[2]
NARROW = 60  # columns of a terminal; the longest lines have twice as many


def card(name: str) -> tuple[str, str]:
    """Return the program of a card and its output."""
    (found,) = EXAMPLE.finditer((CARDS / f"{name}.md").read_text(encoding="utf-8"))
    return found["code"], found["output"]


def code(name: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Return what the command prints into a pipe."""
    assert main(["show", name, "--code"]) == 0
    return capsys.readouterr().out


def one_of_each_task() -> list[str]:
    """Return the smallest network of every task."""
    smallest: dict[str, str] = {}
    for name in sorted(zoo.names(), key=lambda name: zoo.find(name).parameter_count):
        smallest.setdefault(zoo.find(name).task, name)
    return list(smallest.values())


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color"}


@pytest.mark.parametrize("name", zoo.names())
def test_the_program_of_the_card_is_printed_and_python_takes_it_at_its_prompt(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = code(name, capsys)
    assert printed == card(name)[0]
    # The prompt runs the same statements as a file.
    assert statements(printed) == len(ast.parse(printed).body)


@pytest.mark.parametrize("name", one_of_each_task())
def test_the_printed_program_of_each_task_runs(
    name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed = code(name, capsys)
    monkeypatch.chdir(tmp_path)
    assert output_of(printed) == card(name)[1]
    assert list(tmp_path.iterdir()) == []


def test_a_narrow_terminal_shows_the_lines_as_they_are_without_colours() -> None:
    name = max(zoo.names(), key=lambda name: max(map(len, card(name)[0].splitlines())))
    terminal, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, NARROW, 0, 0))
    with subprocess.Popen(
        [*PROGRAM, "show", name, "--code"], stdin=side, stdout=side, stderr=side, env=environment()
    ) as process:
        os.close(side)
        shown = b"".join(read(terminal)).decode()
        assert process.wait() == 0
    os.close(terminal)
    assert shown.replace("\r\n", "\n") == card(name)[0]
    assert any(len(line) > NARROW for line in shown.splitlines())


def read(terminal: int) -> Iterator[bytes]:
    """Yield what a process writes to its terminal, until it ends."""
    while True:
        try:
            piece = os.read(terminal, 1 << 16)
        except OSError:  # how Linux says that the other side is closed
            return
        if not piece:
            return
        yield piece


@pytest.mark.parametrize(
    "name", [name if name == "lenet5" else pytest.param(name, marks=pytest.mark.large) for name in one_of_each_task()]
)
def test_the_printed_program_runs_at_the_prompt_of_a_python_of_its_own(
    name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-i", "-q"],
        input=code(name, capsys) + "\n",
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Error" not in done.stderr
    assert card(name)[1].splitlines()[-1] in done.stdout.splitlines()


def test_code_and_json_are_not_printed_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "lenet5", "--code", "--json"]) == 2
    assert "type zoo show lenet5 --code" in capsys.readouterr().err


def test_a_network_without_a_card_says_where_its_facts_are(capsys: pytest.CaptureFixture[str]) -> None:
    with ARCHITECTURES.registered("unknown_net", replace(zoo.find("lenet5"), name="unknown_net")):
        assert main(["show", "unknown_net", "--code"]) == 2
    assert "type zoo show unknown_net for its facts" in capsys.readouterr().err
