"""How pytest-xdist distributes the tests: files that share costly session fixtures go to one process.

A session fixture is made once in every process that needs it, a trained network with all its proven files in about ten
seconds. All other files are distributed one by one, as `--dist loadfile` does.
"""

from __future__ import annotations

from typing import Any

import pytest

# Folders and files, by their beginning -> what they share.
SHARED = {
    "tests/commands/": "one export of LeNet-5",
    "tests/diagnosis/": "trained networks",
    "tests/faults/": "trained networks",
    "tests/export/test_outside_failures.py": "the first export",
    "tests/export/test_killed.py": "the first export",
    "tests/export/test_origin_of_weights.py": "the first export",
}


def group(test: str) -> str:
    """Return what the tests of one process have in common: what they share, or their file."""
    return next((shared for beginning, shared in SHARED.items() if test.startswith(beginning)), test.split("::")[0])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Return the scheduler of `--dist loadfile`, with groups in place of files."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Grouped(LoadFileScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return group(nodeid)

    return Grouped(config, log)
