"""A slow file runs on all cores after it is timed, with equal outputs."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from calibration.samples import Samples
from export.formats import FORMATS, Format
from export.runtime.jobs import run, timing

COUNT = 6


@pytest.mark.parametrize("name", FORMATS)
def test_slow_file_gives_equal_outputs_and_times_only_the_first_samples(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_format = FORMATS[name]
    keras.utils.set_random_seed(0)
    image = keras.Input((24, 24, 3), name="image")
    model = keras.Model(image, layers.Flatten()(layers.Conv2D(8, 3, activation="relu")(image)))
    path = tmp_path / f"model{file_format.suffix}"
    path.write_bytes(file_format.convert(model))
    photos = np.random.default_rng(0).normal(size=(COUNT, 24, 24, 3)).astype(np.float32)
    Samples(inputs={"image": photos}, source="tests", seed=0).save(tmp_path / "samples")
    opened: list[int] = []
    open_file = type(file_format).open

    def counted(self: Format, path: Path, threads: int = 1) -> object:
        opened.append(threads)
        return open_file(self, path, threads)

    monkeypatch.setattr(type(file_format), "open", counted)
    monkeypatch.setattr(run, "SLOW_MS", 0.0)
    monkeypatch.setattr(run.cores, "count", lambda: 2)
    said = []
    limits = (None, (2, 1e9), (COUNT, 0.0), (COUNT, 1e9))  # samples, seconds
    for hurry_after, timed in zip(limits, (COUNT, 2, run.FEWEST_TIMED, COUNT), strict=True):
        outputs = tmp_path / "outputs.npz"
        result = run.run(str(path), str(tmp_path / "samples"), str(outputs), False, hurry_after=hurry_after)
        times = result["milliseconds"]
        assert len(times) == COUNT
        assert result["p50_ms"] == pytest.approx(np.median(times[:timed]))
        with np.load(outputs) as arrays:
            said.append(next(iter(arrays.values())))
    assert opened == [1, 1, 2, 1, 2, 1]
    assert all(np.array_equal(said[0], other) for other in said)


@pytest.mark.parametrize(("longest_seconds", "runs"), [(0.0, 1), (60.0, timing.WARM_UP_RUNS)])
def test_a_slow_file_is_warmed_up_by_one_run(
    longest_seconds: float, runs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timing, "LONGEST_WARM_UP_SECONDS", longest_seconds)
    calls: list[int] = []
    timing.warm_up(lambda: calls.append(1))
    assert len(calls) == runs
