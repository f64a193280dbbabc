"""What a process has freed is there for the next one."""

from __future__ import annotations

import pytest

from export import freed_memory

BLOCK, BLOCKS = 100_000, 2000  # 200 MB


def test_freed_memory_goes_back_to_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freed_memory, "WORTHWHILE", 0)
    blocks = [bytearray(BLOCK) for _ in range(BLOCKS)]
    kept = blocks[::50]  # what stays lies in between, up to the last one
    kept.append(blocks[-1])
    del blocks
    before = freed_memory.resident_bytes()
    freed_memory.give_back()
    assert before - freed_memory.resident_bytes() > BLOCK * BLOCKS / 2
    assert len(kept) == BLOCKS / 50 + 1


def test_a_small_process_does_not_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freed_memory, "WORTHWHILE", 1 << 50)
    monkeypatch.setattr(freed_memory.gc, "collect", lambda: pytest.fail("it looked"))
    freed_memory.give_back()
