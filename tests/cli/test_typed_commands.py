"""Messages name commands as they can be typed: `zoo` where the shell finds this one, otherwise its path."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from export.cli import program
from export.cli.main import command_names
from export.cli.program import COMMANDS, typeable
from export.cli.program import program as typed


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an installation's programs, which is not on the PATH."""
    folder = tmp_path / "my env" / "bin"
    folder.mkdir(parents=True)
    for name in ("zoo", "zoo-export"):
        (folder / name).write_text("#!/bin/sh\necho this zoo\n")
        (folder / name).chmod(0o755)
    monkeypatch.setattr(program.sysconfig, "get_path", lambda _: str(folder))
    monkeypatch.setenv("PATH", os.defpath)
    return folder


def test_every_command_of_the_help_is_known() -> None:
    assert sorted(COMMANDS) == sorted(command_names())


def test_name_is_typed_where_the_shell_finds_it(scripts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(scripts))
    assert typed("zoo") == "zoo"


def test_name_is_typed_where_the_shell_finds_a_link_to_it(
    scripts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "zoo").symlink_to(scripts / "zoo")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert typed("zoo") == "zoo"


@pytest.mark.parametrize("here", [".", "my env", ".."])
def test_path_that_is_typed_runs_this_program(
    here: str, scripts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path / here)
    found = subprocess.run(["/bin/sh", "-c", typeable("zoo list")], capture_output=True, text=True, check=True)
    assert found.stdout == "this zoo\n"
    assert str(tmp_path) not in typed("zoo") or here == ".."


def test_path_is_typed_where_the_shell_finds_another_zoo(
    scripts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "zoo").write_text("#!/bin/sh\n")
    (other / "zoo").chmod(0o755)
    monkeypatch.setenv("PATH", str(other))
    assert typed("zoo") != "zoo"


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("next: zoo run folder photo.jpg", "next: {zoo} run folder photo.jpg"),
        ("a name from `zoo list`", "a name from `{zoo} list`"),
        ("next: zoo-export my.keras --int8", "next: {zoo-export} my.keras --int8"),
        ("see: zoo --help", "see: {zoo} --help"),
        ("a network of the zoo, such as minilm", "a network of the zoo, such as minilm"),
        ("/tmp/zoo list: 3 kB", "/tmp/zoo list: 3 kB"),
        ("zoo.json is missing", "zoo.json is missing"),
    ],
)
def test_only_commands_are_replaced(words: str, shown: str, scripts: Path) -> None:
    for name in ("zoo", "zoo-export"):
        shown = shown.replace(f"{{{name}}}", typed(name))
    assert typeable(words) == shown


def test_errors_and_next_lines_name_what_can_be_typed(tmp_path: Path) -> None:
    """From a folder next to the environment, as after `make demo`."""
    venv.create(tmp_path / ".venv", symlinks=True)
    code = "from export.cli.main import main; import sys; sys.exit(main())"
    installed = tmp_path / ".venv/bin/zoo"
    installed.write_text(f"#!{tmp_path}/.venv/bin/python\n{code}\n")
    installed.chmod(0o755)
    paths = [str(Path(__file__).resolve().parents[2]), *(path for path in sys.path if path.endswith("-packages"))]
    environment = {"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(paths), "HOME": str(tmp_path)}

    def told(*words: str) -> str:
        ran = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        return (ran.stdout + ran.stderr).splitlines()[-1]

    assert told(".venv/bin/zoo", "list") == "next: .venv/bin/zoo show mobilenet"
    assert told(".venv/bin/zoo", "show", "mobilenet") == "next: .venv/bin/zoo export mobilenet --int8"
    assert told(".venv/bin/zoo", "verify") == "see: .venv/bin/zoo verify --help"
    environment["PATH"] = f"{tmp_path}/.venv/bin"
    assert told("zoo", "list") == "next: zoo show mobilenet"
