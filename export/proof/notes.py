"""Notes about a file that passed: for example, that an "int8" file computes some operators in float."""

from __future__ import annotations

from collections.abc import Sequence

from export.formats import PRIMARY
from export.proof.artifact import Artifact
from export.scheme import FLOAT32, INT8, W8A16, W8A32

# A file counts as smaller or faster below these ratios; smaller differences are noise of the machine.
MAX_SIZE_SHARE, MAX_TIME_SHARE = 0.9, 0.95

# int8 of a well-trained network keeps this fraction of the predictions on clear photos; a note reports less.
USUAL_TOP1_AGREEMENT = 0.95

FEWEST_SAMPLES = 8  # fewer show gross faults only

MOST_NAMED = 6  # layers in higher precision; the manifest names all of them


def notes(artifact: Artifact, float_artifact: Artifact, choices: Sequence[str] = ()) -> tuple[str, ...]:
    """Return notes about a file: its missing checks, and for a quantized file its differences from the float file.

    Args:
        artifact: the file.
        float_artifact: the float32 file of its format.
        choices: what the export chose by itself for this file, with the reason.
    """
    missing = tuple(f"not checked for {id}: {one.reason}" for id, one in artifact.not_made.items() if one.is_missing)
    if not artifact.content:
        return missing
    written = _continuation(artifact)
    if artifact.scheme == FLOAT32:
        return tuple(filter(None, (*missing, written, *choices)))
    found = [
        *missing,
        _few_samples(artifact),
        _changed_predictions(artifact),
        written,
        *choices,
        _raised(artifact),
        _float_operators(artifact),
        _flex(artifact),
        _size(artifact, float_artifact),
        _speed(artifact, float_artifact),
    ]
    return tuple(filter(None, found))


def _few_samples(artifact: Artifact) -> str:
    count = min((one.sample_count for one in artifact.comparisons.values()), default=FEWEST_SAMPLES)
    return f"compared on {count} sample{'s' * (count > 1)} only" if count < FEWEST_SAMPLES else ""


def _changed_predictions(artifact: Artifact) -> str:
    found = [one for one in artifact.comparisons.values() if one.prediction_agreement is not None]
    worst = min(found, key=lambda one: one.prediction_agreement or 0.0, default=None)
    if worst is None or worst.prediction_agreement is None or worst.prediction_agreement >= USUAL_TOP1_AGREEMENT:
        return ""
    note = f"{1 - worst.prediction_agreement:.0%} of the predictions change on these samples"
    if worst.clear_change_share is not None:
        clear = f"{worst.clear_change_share:.0%} clear ones, the others near ties"
        note += f" ({clear if worst.clear_change_share else 'all of them near ties'})"
    return f"{note}; fewer without --no-reconstruct" if artifact.may_be_reconstructed else note


def _continuation(artifact: Artifact) -> str:
    found = artifact.continuation
    if found is None or min(found.same) == found.tokens:
        return ""
    return f"writes the model's next {found.median:g} of {found.tokens} tokens (median of {len(found.same)} texts)"


def _raised(artifact: Artifact) -> str:
    if not artifact.raised:
        return ""
    layers = list(artifact.raised)
    more = f" and {len(layers) - MOST_NAMED} more" if len(layers) > MOST_NAMED else ""
    if artifact.scheme == W8A32:
        return f"float32 weights: {', '.join(layers[:MOST_NAMED])}{more}"
    named = f"in higher precision: {', '.join(layers[:MOST_NAMED])}{more}"
    if artifact.scheme == W8A16 and artifact.format != PRIMARY.name:
        return named  # all of its operators compute in float
    int16_count = artifact.int16_count if artifact.scheme == INT8 else 0
    counts = ((int16_count, "in int16"), (sum(artifact.float_ops.values()), "in float"))
    computing = " and ".join(f"{count} {how}" for count, how in counts if count) or "none"
    return f"{named}; wider operators: {computing}"


def _float_operators(artifact: Artifact) -> str:
    if artifact.scheme not in (INT8, W8A16) or not artifact.float_ops or artifact.raised:
        return ""
    named = ", ".join(f"{count} {op}" for op, count in artifact.float_ops.items())
    return f"not all-integer: {named} in float"


def _flex(artifact: Artifact) -> str:
    flex = [op.op for op in artifact.census if op.op.startswith("Flex")]
    return f"needs the Flex runtime for {', '.join(flex)}" if flex else ""


def _size(artifact: Artifact, float_artifact: Artifact) -> str:
    if not float_artifact.content:
        return ""
    share = len(artifact.content) / len(float_artifact.content)
    return f"not smaller: {share:.0%} of float32" if share > MAX_SIZE_SHARE else ""


def _speed(artifact: Artifact, float_artifact: Artifact) -> str:
    if artifact.scheme != INT8 and artifact.scheme != W8A16:
        return ""
    if artifact.p50_ms is None or float_artifact.p50_ms is None:
        return ""
    share = artifact.p50_ms / float_artifact.p50_ms
    return f"not faster here: {share:.1f} x float32's time" if share > MAX_TIME_SHARE else ""
