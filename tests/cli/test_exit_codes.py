"""Exit codes, one-line error messages and suggestions of the commands."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import time
from pathlib import Path

import click
import pytest

from export.cli.main import SECTIONS, command_names, load_command, main, main_export, run
from tests.program import PROGRAM
from zoo.errors import CheckFailedError, OutsideError, UsageProblemError

# In a shell the output is buffered, so the failure occurs at the end.
BUFFERED = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}


@pytest.mark.parametrize("name", command_names())
def test_every_command_and_option_has_a_help_text(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    assert f"Usage: zoo {name}" in capsys.readouterr().out
    command = load_command(name)
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    assert command.get_short_help_str(80).endswith(".")
    assert [option.name for option in options if not option.help] == []


def test_help_groups_commands_by_purpose(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    words = capsys.readouterr().out
    positions = [words.index(f"{title}:") for title, names in SECTIONS.items() if names]
    assert positions == sorted(positions)
    for name in command_names():
        assert f"\n  {name} " in words


def test_missing_command_prints_the_help_and_exits_with_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "Usage: zoo" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["lst"], "unknown command 'lst'; did you mean 'list'?"),
        (["qqqq"], "unknown command 'qqqq'; known: "),
        (["list", "--jsn"], "unknown option '--jsn'; did you mean '--json'?"),
        (["--verson"], "unknown option '--verson'; did you mean '--version'?"),
        (["show", "mobilnet"], "unknown architecture 'mobilnet'; did you mean 'mobilenet'"),
        (["doctor", "tensorflwo"], "unknown dependency 'tensorflwo'; did you mean 'tensorflow'"),
        (["show"], "missing argument 'NAME|FILE'; type for example: zoo show mobilenet"),
        (["list", "extra"], "unexpected extra argument"),
    ],
)
def test_unknown_name_is_rejected_in_one_line_with_a_suggestion(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    (line,) = captured.err.splitlines()
    assert line.startswith("error: ")
    assert expected in line
    assert captured.out == ""


def test_zoo_export_program_equals_the_export_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main_export(["mobilnet", "--int8"]) == main(["export", "mobilnet", "--int8"]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first == second
    assert "did you mean 'mobilenet'" in first


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CheckFailedError("parity failed"), 1),
        (UsageProblemError("type --int8"), 2),
        (click.BadParameter("not a number"), 2),
        (OutsideError("no network"), 3),
        (OSError(errno.ENOSPC, "No space left on device", "x.tflite"), 3),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), 2),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
    ],
)
def test_expected_errors_print_one_line_and_set_the_exit_code(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise error

    assert run(lambda: click.Command("fail", callback=fail), "zoo", []) == code
    assert capsys.readouterr().err.startswith("error: ")


def test_unexpected_exceptions_are_not_caught() -> None:
    def fail() -> None:
        raise IndexError("a bug")

    with pytest.raises(IndexError):
        run(lambda: click.Command("fail", callback=fail), "zoo", [])


def test_multiline_message_is_printed_as_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise OutsideError("first\nsecond")

    run(lambda: click.Command("fail", callback=fail), "zoo", [])
    assert capsys.readouterr().err == "error: first second\n"


def test_full_disk_on_stdout_exits_with_code_3() -> None:
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [*PROGRAM, "list", "--json"], stdout=full, stderr=subprocess.PIPE, text=True, env=BUFFERED
        )
    assert result.returncode == 3
    assert result.stderr.startswith("error: the disk is full")


@pytest.mark.parametrize("arguments", [["list"], ["list", "--json"]])
def test_closed_pipe_prints_no_error(arguments: list[str]) -> None:
    reading_end, writing_end = os.pipe()
    os.close(reading_end)
    result = subprocess.run([*PROGRAM, *arguments], stdout=writing_end, stderr=subprocess.PIPE, text=True, env=BUFFERED)
    os.close(writing_end)
    assert (result.returncode, result.stderr) == (141, "")


def test_ctrl_c_exits_with_code_130_and_prints_one_line(tmp_path: Path) -> None:
    (tmp_path / "onnx.py").write_text("import time\nopen(__file__ + '.started', 'w').close()\ntime.sleep(60)\n")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{Path.cwd()}"}
    process = subprocess.Popen(
        [*PROGRAM, "doctor", "onnx"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not (tmp_path / "onnx.py.started").exists():
        assert process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, complaint = process.communicate(timeout=30)
    assert (process.returncode, complaint) == (130, "error: interrupted\n")
