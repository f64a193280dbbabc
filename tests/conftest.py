"""Trained networks, whose models, samples and healthy files are made once for all tests."""

from __future__ import annotations

import os
import sysconfig
from collections.abc import Callable

import pytest

from tests.faults.networks import Network, networks
from tests.faults.summary import pytest_terminal_summary
from tests.kept_process import _lent_process, own_process
from tests.scheduling import pytest_xdist_make_scheduler
from tests.shards import pytest_addoption, pytest_collection_modifyitems

# Hooks and fixtures: of all conftests the process that only gathers reports loads this one alone.
__all__ = [
    "_lent_process",
    "network",
    "own_process",
    "pytest_addoption",
    "pytest_collection_modifyitems",
    "pytest_terminal_summary",
    "pytest_xdist_make_scheduler",
]

# As in an activated environment: `zoo` is found, and messages name it so.
os.environ["PATH"] = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)])


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Network]:
    return networks(tmp_path_factory.mktemp("networks")).__getitem__


@pytest.fixture(autouse=True)
def _as_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take back the width that pytest-xdist gives its processes: what a test reads is as wide as in a pipe."""
    monkeypatch.delenv("COLUMNS", raising=False)
