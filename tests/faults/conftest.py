"""A fixture that records which checks caught a fault."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from export.scheme import Scheme
from tests.faults.faults import Fault
from tests.faults.summary import PROPERTY

Tell = Callable[[Fault, str, str, Scheme, tuple[str, ...]], None]


@pytest.fixture
def caught(record_property: Callable[[str, object], None]) -> Tell:
    """Return a function that records which checks caught the fault; none means that it was not caught."""

    def tell(fault: Fault, name: str, format_name: str, scheme: Scheme, questions: tuple[str, ...]) -> None:
        where = f"{name} {scheme} .{format_name}"
        record_property(PROPERTY, [fault.name, where, list(dict.fromkeys(questions))])

    return tell
