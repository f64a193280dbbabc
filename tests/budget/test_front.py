"""The front holds what nothing beats, and its three names mean what the page says."""

from __future__ import annotations

from export.budget.front import QUALITY_SQNR_DB, front, named
from export.budget.point import Point
from export.recipe import Precision, Preset, Width


def point(size: int, time: float, sqnr_db: float) -> Point:
    return Point(precision=Precision.INT8, format="tflite", bytes=size, p50_ms=time, sqnr_db=sqnr_db, changed=0.0)


def test_what_is_beaten_in_everything_is_not_on_the_front() -> None:
    small, large = point(100, 1.0, 12), point(400, 2.0, 100)
    beaten, slower_but_better = point(420, 2.5, 90), point(120, 5.0, 20)
    assert front([large, beaten, slower_but_better, small]) == [small, slower_but_better, large]


def test_a_time_that_is_the_same_but_for_noise_decides_nothing() -> None:
    lucky, better = point(100, 1.0, 12), point(100, 1.04, 13)
    assert front([lucky, better]) == [better]


def test_the_three_names() -> None:
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


def test_without_a_good_file_quality_is_the_best_there_is() -> None:
    plain, better = point(100, 1.0, 12), point(110, 1.0, 20)
    assert named([plain, better])[Preset.QUALITY] is better


def test_a_point_is_named_by_what_is_raised() -> None:
    raised = {"conv": Width.INT16, "dense": Width.INT16}
    found = Point(precision=Precision.INT8, raised=raised, format="tflite", bytes=1, p50_ms=1, sqnr_db=1, changed=None)
    assert found.label == "int8 + 2 int16"
    assert found.drop is None
