from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calibration.store import Draw

ONE_SAMPLE = 16 * 16 * 3 * 4


def endless() -> Iterator[Any]:
    generator = np.random.default_rng(0)
    while True:
        yield generator.uniform(-1, 1, (16, 16, 3)).astype(np.float32)


def peak(run: Callable[[], object]) -> int:
    tracemalloc.start()
    run()
    size = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return size


@pytest.mark.parametrize("source", ["built-in", "folder", "npy", "npz", "function", "noise"])
def test_memory_does_not_grow_with_the_number_of_samples(
    source: str, pull: Callable[..., Draw], make_photos: Callable[..., Path], tmp_path: Path
) -> None:
    if source in ("npy", "npz"):
        values = np.random.default_rng(0).uniform(-1, 1, (450, 16, 16, 3)).astype(np.float32)
        np.save(tmp_path / "a.npy", values)
        np.savez_compressed(tmp_path / "a.npz", image=values)
        del values
    specs = {"npy": tmp_path / "a.npy", "npz": tmp_path / "a.npz"}
    spec = make_photos(450) if source == "folder" else specs.get(source)
    more = {"function": {"function": endless}, "noise": {"random_calibration": True}}.get(source, {})

    def run(count: int) -> None:
        drawn = pull(spec, calibration_count=count, probe_count=10, work=tmp_path / str(count), **more)
        assert len(drawn.calibration) == count

    run(20)  # modules and caches that are loaded once are not counted
    few, many = peak(lambda: run(50)), peak(lambda: run(400))
    # 350 more samples take 1 MB; only their digests stay in memory, 250 bytes each.
    assert many - few < 0.25 * 350 * ONE_SAMPLE
