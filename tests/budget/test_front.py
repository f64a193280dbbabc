"""The Pareto front, and the presets as docs/budget.md defines them."""

from __future__ import annotations

import random

import pytest

from export.analysis.budget.front import QUALITY_SQNR_DB, front, is_slower, named
from export.analysis.budget.point import Point
from export.recipe import Preset, Width
from export.scheme import INT8


def point(size: int, time: float, sqnr_db: float) -> Point:
    return Point(scheme=INT8, format="tflite", bytes=size, p50_ms=time, sqnr_db=sqnr_db, changed=0.0)


def test_a_dominated_file_is_not_on_the_pareto_front() -> None:
    small, large = point(100, 1.0, 12), point(400, 2.0, 100)
    beaten, slower_but_better = point(420, 2.5, 90), point(120, 5.0, 20)
    assert front([large, beaten, slower_but_better, small]) == [small, slower_but_better, large]


def test_a_difference_in_time_within_the_noise_is_ignored() -> None:
    lucky, better = point(100, 1.0, 12), point(100, 1.04, 13)
    assert front([lucky, better]) == [better]


@pytest.mark.parametrize("seed", range(20))
def test_times_below_the_resolution_of_the_clock_do_not_change_the_choice(seed: int) -> None:
    """Measured on LeNet-5: (bytes, SQNR dB) of int8, int8 with layers raised, w8a32, float16 and float32."""
    files = [(69_500, 23.0), (70_000, 37.4), (69_200, 38.5), (71_500, 37.9), (129_000, 70.0), (250_000, 120.0)]
    generator = random.Random(seed)
    points = [point(size, 0.012 * generator.uniform(0.7, 1.4), sqnr_db) for size, sqnr_db in files]
    chosen = named(points)
    assert chosen[Preset.COMPACT] is chosen[Preset.BALANCED] is chosen[Preset.QUALITY] is points[2]
    assert [one.bytes for one in front(points)] == [69_200, 129_000, 250_000]


def test_of_files_with_the_same_latency_compact_is_the_smallest_and_quality_the_largest() -> None:
    generator = random.Random(0)
    for _ in range(200):
        points = [
            point(generator.randrange(80, 400), generator.uniform(1.0, 1.09), generator.uniform(10, 60))
            for _ in range(8)
        ]
        chosen = named(points)
        sizes = [chosen[name].bytes for name in (Preset.COMPACT, Preset.BALANCED, Preset.QUALITY)]
        assert sizes == sorted(sizes)
        assert sizes[0] == min(one.bytes for one in points)


def test_a_difference_in_time_above_a_tenth_and_the_clock_resolution_counts() -> None:
    assert is_slower(1.2, 1.0)
    assert not is_slower(1.09, 1.0)
    assert not is_slower(0.05, 0.01)
    assert is_slower(0.07, 0.01)


def test_the_three_presets_choose_three_files() -> None:
    plain, knee, good, half, whole = (
        point(100, 1.0, 12),
        point(110, 1.1, 25),
        point(180, 1.8, 30),
        point(200, 2.0, QUALITY_SQNR_DB + 5),
        point(400, 2.0, 110),
    )
    assert named([whole, half, good, knee, plain]) == {
        Preset.QUALITY: half,
        Preset.BALANCED: knee,
        Preset.COMPACT: plain,
    }


def test_without_a_file_that_passes_quality_is_the_best_file() -> None:
    plain, better = point(100, 1.0, 12), point(110, 1.0, 20)
    assert named([plain, better])[Preset.QUALITY] is better


def test_a_point_is_named_after_its_layers_in_higher_precision() -> None:
    raised = {"conv": Width.INT16, "dense": Width.INT16}
    found = Point(scheme=INT8, raised=raised, format="tflite", bytes=1, p50_ms=1, sqnr_db=1, changed=None)
    assert found.label == "int8 + 2 int16"
    assert found.drop is None
