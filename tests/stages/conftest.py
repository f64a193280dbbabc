"""Trained networks with photos, and an unlabelled calibration set for each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.networks import Network, networks


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Network]:
    return networks(tmp_path_factory.mktemp("stages")).__getitem__


@pytest.fixture
def work(tmp_path: Path) -> Path:
    return tmp_path
