from __future__ import annotations

import pytest

from tests.foreign.files import Trained, saved, two_headed


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """The trained two-headed network."""
    model, rows = two_headed()
    return saved(model, rows, tmp_path_factory.mktemp("foreign"))
