"""Call a pure function once for the same arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, TypeVarTuple

Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")


class Memo:
    """The results of function calls, each computed once: `once(function, *arguments)`.

    Arguments must be hashable; frozen values without `__eq__`, such as a run, are compared by identity. A function that
    calls others through the memo takes it as an argument. An exception is not a result: the next call tries again.
    """

    def __init__(self) -> None:
        self._results: dict[Callable[..., Any], dict[tuple[Any, ...], Any]] = {}

    def __call__(self, function: Callable[[*Arguments], Result], *arguments: *Arguments) -> Result:
        """Return `function(*arguments)`."""
        known = self._results.setdefault(function, {})
        if arguments not in known:
            known[arguments] = function(*arguments)
        result: Result = known[arguments]
        return result

    def results(self, function: Callable[..., Result]) -> Mapping[tuple[Any, ...], Result]:
        """Return the results of a function so far, by its arguments, in the order of the first calls."""
        return dict(self._results.get(function, {}))
