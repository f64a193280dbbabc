"""How a test tells which checks caught its fault."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from export.recipe import Precision
from tests.faults.faults import Fault
from tests.faults.summary import PROPERTY

Tell = Callable[[Fault, str, str, Precision, tuple[str, ...]], None]


@pytest.fixture
def caught(record_property: Callable[[str, object], None]) -> Tell:
    """Return how a test tells which checks caught its fault; none means that it got through."""

    def tell(fault: Fault, name: str, format_name: str, precision: Precision, questions: tuple[str, ...]) -> None:
        where = f"{name} {precision} .{format_name}"
        record_property(PROPERTY, [fault.name, where, list(dict.fromkeys(questions))])

    return tell
