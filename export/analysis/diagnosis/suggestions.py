"""Suggest what to try for one layer, with the measurement that is the reason."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from calibration.observers import SENSITIVITY
from export.runtime.jobs.layer_error import LayerError

# A channel below this SQNR was lost rather than rounded; not applied to layers with few channels.
LOST_CHANNEL_DB = 3.0
FEWEST_CHANNELS = 4
LOST_SHARE = 0.4

# Ranges from other samples clip some values, but never this share.
WRONG_RANGE = 0.05

# The bulk of the values uses less than this share of the codes; a good grid uses 90 %.
NARROW = 0.4
WIDE_CHANNEL = 8.0
PROBABILITIES = ("SOFTMAX", "LOGISTIC")


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """How the file was quantized, as far as known.

    Attributes:
        reconstructed: whether its weights were rounded by reconstruction.
        refusal: why reconstruction was skipped, if it was requested.
        observer: the observer of the ranges; None if unknown.
        raised: layers that are already in higher precision.
    """

    reconstructed: bool = False
    refusal: str = ""
    observer: str | None = None
    raised: Collection[str] = ()


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """What to try for a layer.

    Attributes:
        fact: the measurement that is the reason.
        advice: what to do, as a sentence.
        options: options of `zoo export` to add; empty if no option helps.
    """

    fact: str
    advice: str
    options: tuple[str, ...] = ()


def refusal(records: Sequence[Mapping[str, Any]]) -> str:
    """Return why a requested reconstruction was skipped, from the records of the passes; empty if it was not."""
    return next((str(record["skipped_because"]) for record in records if "skipped_because" in record), "")


Case = tuple[LayerError, str | None, Circumstances]


def suggest(error: LayerError, layer: str | None, circumstances: Circumstances) -> Suggestion:
    """Return what to try for the Keras layer named `layer`."""
    case = error, layer, circumstances
    return next(found for find in _CASES if (found := find(*case)) is not None)


def _lost_channel(error: LayerError, layer: str | None, circumstances: Circumstances) -> Suggestion | None:
    lost = error.worst_channel_sqnr_db < LOST_CHANNEL_DB and error.worst_channel_share > LOST_SHARE
    if not lost or error.channels < FEWEST_CHANNELS or error.weights_share < 0.5:
        return None
    return Suggestion(
        fact=f"channel {error.worst_channel} of {error.channels} is lost ({error.worst_channel_sqnr_db:.0f} dB) and "
        f"causes {_percent(error.worst_channel_share)} of the layer's own error",
        advice="its weights differ from the model's: run zoo verify on the folder, and export again",
    )


def _wrong_range(error: LayerError, layer: str | None, circumstances: Circumstances) -> Suggestion | None:
    if error.clipped < WRONG_RANGE:
        return None
    return Suggestion(
        fact=f"{_percent(error.clipped)} of its values lie outside its range",
        advice="the range does not fit such inputs: run zoo verify on the folder, and calibrate on inputs like those "
        "in use (--calibration YOUR_FOLDER)",
    )


def _clipped(error: LayerError, layer: str | None, circumstances: Circumstances) -> Suggestion | None:
    if error.clipping_share < 0.5:
        return None
    fact = f"{_percent(error.clipped)} of its values lie outside its range and cause {_percent(error.clipping_share)} "
    fact += "of its own error"
    if circumstances.observer == SENSITIVITY and not error.is_output:
        return _raise(fact, layer, "int16", "int16 has finer steps and covers the whole range", circumstances)
    # The range comes from calibration (always so for an output), or the observer clips at any width.
    advice = "float activations are not clipped; or calibrate on more samples like these"
    return _raise(fact, layer, "w8a32", advice, circumstances)


def _weights(error: LayerError, layer: str | None, circumstances: Circumstances) -> Suggestion | None:
    if error.weights_share < 0.5:
        return None
    fact = f"its weights cause {_percent(error.weights_share)} of its own error"
    if not circumstances.reconstructed and not circumstances.refusal:
        return Suggestion(fact=fact, advice="round them with reconstruction", options=("--reconstruct",))
    why = f"cannot be reconstructed ({circumstances.refusal})" if circumstances.refusal else "are already reconstructed"
    return _raise(fact, layer, "float32", f"they {why}; keep float32 weights, at four times the size", circumstances)


def _probabilities(error: LayerError, layer: str | None, circumstances: Circumstances) -> Suggestion | None:
    if error.op not in PROBABILITIES:
        return None
    return Suggestion(
        fact="its outputs are probabilities in steps of 1/256, so smaller ones become 0",
        advice="compare the predictions (same top-1) instead, or let the model end in logits",
    )


def _peaks(error: LayerError, layer: str | None, circumstances: Circumstances) -> Suggestion | None:
    if error.used is None or error.used >= NARROW:
        return None
    fact = f"99.9 % of its values use {_percent(error.used)} of its codes, rare peaks use the rest"
    if circumstances.observer in (None, "min-max"):
        return Suggestion(fact=fact, advice="clip the peaks", options=("--observer", "sensitivity"))
    return _raise(fact, layer, "int16", "int16 has finer steps", circumstances)


def _channels(error: LayerError, layer: str | None, circumstances: Circumstances) -> Suggestion | None:
    if error.channel_spread < WIDE_CHANNEL:
        return None
    fact = f"its widest channel is {error.channel_spread:.0f} times as wide as the median one, and all share one scale"
    return _raise(fact, layer, "int16", "int16 has finer steps", circumstances)


def _rounding(error: LayerError, layer: str | None, circumstances: Circumstances) -> Suggestion:
    fact = f"rounding its output to 8 bits causes {_percent(1 - error.weights_share)} of its own error"
    return _raise(fact, layer, "int16", "int16 has finer steps", circumstances)


def _raise(fact: str, layer: str | None, width: str, advice: str, circumstances: Circumstances) -> Suggestion:
    if layer is None:
        return Suggestion(fact=fact, advice="no Keras layer matches, so --raise cannot name it")
    if layer in circumstances.raised:
        return Suggestion(fact=fact, advice="it is already in higher precision: check the layers before it")
    return Suggestion(fact=fact, advice=advice, options=("--raise", f"{layer}={width}"))


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.0995 else f"{100 * share:.2g} %"


# The first rule that applies is used; the last one always applies.
_CASES: tuple[Callable[..., Suggestion | None], ...] = (
    _lost_channel,
    _wrong_range,
    _clipped,
    _weights,
    _probabilities,
    _peaks,
    _channels,
    _rounding,
)
