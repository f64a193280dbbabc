"""The cure to try for one layer: chosen from what was measured of it, and it says which number it follows from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from calibration.observers import SENSITIVITY
from export.runtime.jobs.layer_error import LayerError

# A channel of which less is left than half of its signal was not rounded, it was lost; but not in a layer of few.
LOST_CHANNEL_DB = 3.0
FEWEST_CHANNELS = 4
LOST_SHARE = 0.4
# Rounding ranges that were observed on other samples clip some values, but never so many.
WRONG_RANGE = 0.05
# Between those codes lies the bulk of the values; a good grid uses nine in ten.
NARROW = 0.4
WIDE_CHANNEL = 8.0
PROBABILITIES = ("SOFTMAX", "LOGISTIC")


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """How the file was made, as far as known.

    Attributes:
        reconstructed: whether its weights were rounded by reconstruction.
        refusal: why they cannot be, if that was tried.
        observer: of the ranges; None if unknown.
        raised: layers that are wider already.
    """

    reconstructed: bool = False
    refusal: str = ""
    observer: str | None = None
    raised: Collection[str] = ()


@dataclass(frozen=True, kw_only=True)
class Cure:
    """What to try.

    Attributes:
        fact: the number that it follows from.
        advice: what to do, a sentence.
        options: of `zoo export`, to be added to those of this export; empty if the cure is none of them.
    """

    fact: str
    advice: str
    options: tuple[str, ...] = ()


def refusal(records: Sequence[Mapping[str, Any]]) -> str:
    """Return why a reconstruction that was asked for was not made, by the records of an export's stages, or nothing."""
    return next((str(record["skipped_because"]) for record in records if "skipped_because" in record), "")


Case = tuple[LayerError, str | None, Circumstances]


def cure(error: LayerError, layer: str | None, circumstances: Circumstances) -> Cure:
    """Return what to try for a layer, by its Keras name."""
    case = error, layer, circumstances
    return next(found for find in _CASES if (found := find(*case)) is not None)


def _lost_channel(error: LayerError, layer: str | None, circumstances: Circumstances) -> Cure | None:
    lost = error.worst_channel_sqnr_db < LOST_CHANNEL_DB and error.worst_channel_share > LOST_SHARE
    if not lost or error.channels < FEWEST_CHANNELS or error.weights_share < 0.5:
        return None
    return Cure(
        fact=f"channel {error.worst_channel} of {error.channels} is lost ({error.worst_channel_sqnr_db:.0f} dB) and "
        f"makes {_percent(error.worst_channel_share)} of its own error",
        advice="its weights are not the model's: zoo verify the folder, and export again",
    )


def _wrong_range(error: LayerError, layer: str | None, circumstances: Circumstances) -> Cure | None:
    if error.clipped < WRONG_RANGE:
        return None
    return Cure(
        fact=f"{_percent(error.clipped)} of its values lie outside of its range",
        advice="the range is not this model's on such inputs: zoo verify the folder, and calibrate on inputs like "
        "those that it will see (--calibration YOUR_FOLDER)",
    )


def _clipped(error: LayerError, layer: str | None, circumstances: Circumstances) -> Cure | None:
    if error.clipping_share < 0.5:
        return None
    fact = (
        f"{_percent(error.clipped)} of its values lie outside of its range and make {_percent(error.clipping_share)} "
    )
    fact += "of its own error"
    if circumstances.observer == SENSITIVITY and not error.is_output:
        return _raise(
            fact, layer, "int16", "it was clipped for finer steps: give it those and its whole range", circumstances
        )
    # Its range is what calibration saw (an output's always is), or clipped at any width by the observer.
    advice = "float has no range; or calibrate on more samples like these"
    return _raise(fact, layer, "w8a32", advice, circumstances)


def _weights(error: LayerError, layer: str | None, circumstances: Circumstances) -> Cure | None:
    if error.weights_share < 0.5:
        return None
    fact = f"its weights make {_percent(error.weights_share)} of its own error"
    if not circumstances.reconstructed and not circumstances.refusal:
        return Cure(fact=fact, advice="round them with reconstruction", options=("--reconstruct",))
    why = f"cannot be reconstructed ({circumstances.refusal})" if circumstances.refusal else "are reconstructed already"
    return _raise(
        fact, layer, "float32", f"they {why}; keep its own float weights, of four times the size", circumstances
    )


def _probabilities(error: LayerError, layer: str | None, circumstances: Circumstances) -> Cure | None:
    if error.op not in PROBABILITIES:
        return None
    return Cure(
        fact="its outputs are probabilities, in steps of 1/256: smaller ones vanish",
        advice="judge the file by its answers (same top-1), or let the model end in logits",
    )


def _peaks(error: LayerError, layer: str | None, circumstances: Circumstances) -> Cure | None:
    if error.used is None or error.used >= NARROW:
        return None
    fact = f"99.9 % of its values share {_percent(error.used)} of its codes, rare peaks take the rest"
    if circumstances.observer in (None, "min-max"):
        return Cure(fact=fact, advice="clip the peaks", options=("--observer", "sensitivity"))
    return _raise(fact, layer, "int16", "give it finer steps", circumstances)


def _channels(error: LayerError, layer: str | None, circumstances: Circumstances) -> Cure | None:
    if error.channel_spread < WIDE_CHANNEL:
        return None
    fact = f"its widest channel is {error.channel_spread:.0f} times as wide as the middle one, and all share one scale"
    return _raise(fact, layer, "int16", "give it finer steps", circumstances)


def _rounding(error: LayerError, layer: str | None, circumstances: Circumstances) -> Cure:
    fact = f"rounding its output to 8 bits makes {_percent(1 - error.weights_share)} of its own error"
    return _raise(fact, layer, "int16", "give it finer steps", circumstances)


def _raise(fact: str, layer: str | None, width: str, advice: str, circumstances: Circumstances) -> Cure:
    if layer is None:
        return Cure(fact=fact, advice="no Keras layer gives these values, so that it cannot be raised by a name")
    if layer in circumstances.raised:
        return Cure(fact=fact, advice="it is raised already: look at what it reads")
    return Cure(fact=fact, advice=advice, options=("--raise", f"{layer}={width}"))


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.0995 else f"{100 * share:.2g} %"


# The first that applies; the last always does.
_CASES: tuple[Callable[..., Cure | None], ...] = (
    _lost_channel,
    _wrong_range,
    _clipped,
    _weights,
    _probabilities,
    _peaks,
    _channels,
    _rounding,
)
