"""Suggestions follow from the measured errors of a layer, and name the measurement."""

from __future__ import annotations

from dataclasses import replace

import pytest

from export.analysis.diagnosis.suggestions import Circumstances, suggest
from export.bundle.report.layer_words import suggestion
from export.runtime.jobs.layer_error import LayerError

# A typical layer: rounding its output causes most of a small error.
USUAL = LayerError(
    tensor="t",
    op="CONV_2D",
    sources=("s",),
    dtype="int8",
    passes_on=False,
    cumulative_sqnr_db=30.0,
    local_sqnr_db=42.0,
    weights_sqnr_db=50.0,
    weights_share=0.2,
    clipping_share=0.0,
    clipped=0.0,
    used=0.9,
    channels=32,
    worst_channel=3,
    worst_channel_share=0.1,
    worst_channel_sqnr_db=38.0,
    channel_spread=2.0,
)
PLAIN = Circumstances(observer="min-max")
CASES = {
    "rounding": (USUAL, PLAIN, "causes 80 %", ("--raise", "conv=int16")),
    "weights": (replace(USUAL, weights_share=0.97), PLAIN, "weights cause 97 %", ("--reconstruct",)),
    "weights that are reconstructed": (
        replace(USUAL, weights_share=0.97),
        replace(PLAIN, reconstructed=True),
        "weights cause 97 %",
        ("--raise", "conv=float32"),
    ),
    "weights that cannot be reconstructed": (
        replace(USUAL, weights_share=0.97),
        replace(PLAIN, refusal="3 samples are too few"),
        "weights cause 97 %",
        ("--raise", "conv=float32"),
    ),
    "clipping": (
        replace(USUAL, clipped=0.006, clipping_share=0.99),
        PLAIN,
        "0.6 % of its values lie outside its range and cause 99 %",
        ("--raise", "conv=w8a32"),
    ),
    "clipping for finer steps": (
        replace(USUAL, clipped=0.006, clipping_share=0.99),
        replace(PLAIN, observer="sensitivity"),
        "0.6 % of its values",
        ("--raise", "conv=int16"),
    ),
    "an output beyond what calibration saw, which no observer narrows": (
        replace(USUAL, clipped=0.006, clipping_share=0.99, is_output=True),
        replace(PLAIN, observer="sensitivity"),
        "0.6 % of its values",
        ("--raise", "conv=w8a32"),
    ),
    "peaks": (replace(USUAL, used=0.12), PLAIN, "use 12 % of its codes", ("--observer", "sensitivity")),
    "peaks that are clipped": (
        replace(USUAL, used=0.12),
        replace(PLAIN, observer="sensitivity"),
        "use 12 % of its codes",
        ("--raise", "conv=int16"),
    ),
    "channels": (replace(USUAL, channel_spread=23.4), PLAIN, "23 times as wide", ("--raise", "conv=int16")),
    "a range of something else": (replace(USUAL, clipped=0.4, clipping_share=0.9), PLAIN, "40 % of its values", ()),
    "a lost channel": (
        replace(USUAL, weights_share=0.99, worst_channel_share=0.98, worst_channel_sqnr_db=0.0),
        PLAIN,
        "channel 3 of 32 is lost",
        (),
    ),
    "probabilities": (replace(USUAL, op="SOFTMAX"), PLAIN, "steps of 1/256", ()),
    "a layer that is raised": (USUAL, replace(PLAIN, raised=("conv",)), "causes 80 %", ()),
}


@pytest.mark.parametrize("name", CASES)
def test_the_suggestion_follows_from_the_measurements(name: str) -> None:
    error, circumstances, fact, options = CASES[name]
    found = suggest(error, "conv", circumstances)
    assert fact in found.fact
    assert found.options == options
    assert found.advice


@pytest.mark.parametrize(
    ("command", "options", "expected"),
    [
        ("zoo export a --no-reconstruct", ("--reconstruct",), "zoo export a"),
        ("zoo export a --observer percentile", ("--observer", "min-max"), "zoo export a --observer min-max"),
        ("zoo export a --raise b=int16", ("--raise", "c=int16"), "zoo export a --raise b=int16 --raise c=int16"),
    ],
)
def test_the_suggested_command_has_every_option_once(command: str, options: tuple[str, ...], expected: str) -> None:
    assert suggestion([{"suggestion": {"options": options}}], command) == expected


def test_reconstruction_is_suggested_before_higher_precision() -> None:
    worst = [{"suggestion": {"options": given}} for given in (("--raise", "c=int16"), ("--reconstruct",))]
    assert suggestion(worst, "zoo export a --no-reconstruct") == "zoo export a"


def test_a_tensor_without_a_layer_is_not_suggested_for_higher_precision() -> None:
    assert suggest(USUAL, None, PLAIN).options == ()
