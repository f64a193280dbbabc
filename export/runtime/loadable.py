"""Refuse a file that is no model before TensorFlow starts: by its suffix, its size, and its runtime in a child."""

from __future__ import annotations

from pathlib import Path

from export.formats import format_of
from export.process import RuntimeCrashError
from export.runtime.inspect_file import inspect_file
from zoo.errors import UsageProblemError


def check_loadable(path: Path) -> None:
    """Check that the runtime of a file can load it.

    Raises:
        UsageProblemError: there is no such file, no format has its suffix, or its runtime cannot load it.
        OutsideError: it needs operators that no runtime here has.
    """
    file_format = format_of(path)
    if not path.stat().st_size:
        raise UsageProblemError(f"{path} is empty; give a {file_format.suffix} file")
    try:
        inspect_file(path)
    except RuntimeCrashError as error:
        reason = str(error).removeprefix(f"cannot read {path}: ").removesuffix("; export or copy the file again")
        raise UsageProblemError(
            f"{path} is no {file_format.suffix} that {file_format.runtime} can load ({reason}); give another file, or "
            "make it again"
        ) from error
