"""What to type for the commands that messages name: `zoo`, or its path where the shell does not find this `zoo`."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sysconfig
from functools import cache
from pathlib import Path

# The words behind `zoo`, as in the help of `export.cli.main`: a sentence about the zoo itself has none of them.
COMMANDS = (
    *("list", "show", "inspect", "doctor", "cache", "train", "export", "sweep", "pack"),
    *("prove", "verify", "run", "serve", "bench"),
)
# A command in a sentence: its program, and what is behind it. A name within a path is none.
_COMMAND = re.compile(rf"(?<![\w./-])(?:(zoo)(?= (?:{'|'.join(COMMANDS)}|--\w+)\b)|(zoo-export)(?= \S))")


def typeable(text: str) -> str:
    """Return a text with every command in it as it can be typed here."""
    return _COMMAND.sub(lambda found: program(found[0]), text)


def program(name: str) -> str:
    """Return what to type for a program of this installation.

    That is its name if the shell finds this installation by it, as in an activated environment, or else its path,
    relative if it lies below the working folder. Without an installed program, it is the name.
    """
    return _word(name, os.environ.get("PATH", os.defpath), Path.cwd(), Path(sysconfig.get_path("scripts")))


@cache
def _word(name: str, search_path: str, here: Path, scripts: Path) -> str:
    installed = scripts / (f"{name}.exe" if os.name == "nt" else name)
    if not installed.is_file():
        return name
    found = shutil.which(name, path=search_path)
    # pipx and uv link to the program from a folder on the PATH.
    if found is not None and Path(found).resolve() == installed.resolve():
        return name
    if installed.is_relative_to(here):
        return shlex.quote(str(installed.relative_to(here)))
    return shlex.quote(str(installed))
