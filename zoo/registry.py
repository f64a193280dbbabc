"""Entries by name that others can add to: architectures, kinds of inputs, tasks, sources of data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

Entry = TypeVar("Entry")


class Registry(Mapping[str, Entry]):
    """Entries by name, in the order of registration; a name can be taken once.

    Args:
        what: the kind of the entries, for messages.
        entries: the first entries, by name.
    """

    def __init__(self, what: str, entries: Mapping[str, Entry] | None = None) -> None:
        self._what = what
        self._entries = dict(entries or {})

    def __getitem__(self, name: str) -> Entry:
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def register(self, name: str, entry: Entry) -> Entry:
        """Add an entry for the rest of the process and return it.

        Raises:
            ValueError: the name is already registered.
        """
        if name in self._entries:
            raise ValueError(f"{self._what} {name!r} is registered twice")
        self._entries[name] = entry
        return entry

    @contextmanager
    def registered(self, name: str, entry: Entry) -> Iterator[Entry]:
        """Add an entry for the duration of a `with` block.

        Raises:
            ValueError: the name is already registered.
        """
        self.register(name, entry)
        try:
            yield entry
        finally:
            del self._entries[name]
