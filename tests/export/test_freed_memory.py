"""Freed memory is available to the next process."""

from __future__ import annotations

import pytest

from export import process

BLOCK, BLOCKS = 100_000, 2000  # 200 MB


def test_freed_memory_is_returned_to_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "WORTHWHILE_BYTES", 0)
    monkeypatch.setattr(process, "_trimmed_bytes", 0)
    blocks = [bytearray(BLOCK) for _ in range(BLOCKS)]
    kept = blocks[::50]  # what stays lies in between, up to the last one
    kept.append(blocks[-1])
    del blocks
    before = process.resident_bytes()
    process.give_back_memory()
    assert before - process.resident_bytes() > BLOCK * BLOCKS / 2
    assert len(kept) == BLOCKS / 50 + 1


def test_small_process_does_not_trim_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "WORTHWHILE_BYTES", 1 << 50)
    monkeypatch.setattr(process.gc, "collect", lambda: pytest.fail("it looked"))
    process.give_back_memory()


def test_memory_is_not_trimmed_again_before_it_has_grown(monkeypatch: pytest.MonkeyPatch) -> None:
    resident, collected = [2 << 30], list[int]()
    monkeypatch.setattr(process, "_trimmed_bytes", 0)
    monkeypatch.setattr(process, "resident_bytes", lambda: resident[0])
    monkeypatch.setattr(process.gc, "collect", lambda: collected.append(resident[0]))
    for size in (2 << 30, 2 << 30, 3 << 30):
        resident[0] = size
        process.give_back_memory()
    assert collected == [2 << 30, 3 << 30]
