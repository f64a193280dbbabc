"""The check of a file's graph: that of our converter, or one that computes the model with the model's constants."""

from __future__ import annotations

from calibration.enlarged import TIMES
from export.formats import PRIMARY
from export.proof.check import CheckResult, NotMade, Results
from export.proof.foreign.evidence import ForeignEvidence
from export.proof.foreign.skeleton import Skeleton
from export.proof.tolerances import ENLARGED_PARITY, PARITY

ANOTHER_OPERATOR = "operator "  # begins the difference between graphs whose operators cannot be paired


def differences(evidence: ForeignEvidence) -> tuple[str, ...] | None:
    """Return how the file's graph differs from our converter's; None if they cannot be compared."""
    file, original = evidence.file, evidence.original
    if file.format.name != PRIMARY.name or file.opened is None or not original.content:
        return None
    sides = (original.content, "name"), (file.content, "file_name")
    in_order = tuple(
        PRIMARY.in_order(content, *([getattr(edge, name) for edge in side] for side in (file.inputs, file.outputs)))
        for content, name in sides
    )
    # A wrong connection changes the order that follows from the graph, and another maker's own order is its own.
    tried = [_differences(evidence, *pair) for pair in (in_order, (original.content, file.content))]
    return min(tried, key=lambda one: bool(one) and one[0].startswith(ANOTHER_OPERATOR))


def _differences(evidence: ForeignEvidence, ours: bytes, theirs: bytes) -> tuple[str, ...]:
    assert evidence.file.opened is not None  # the caller has checked
    violations = evidence.file.opened.violations
    return tuple(one for one in PRIMARY.structure(ours, theirs).differences if one not in violations)


def check(evidence: ForeignEvidence, built: Skeleton, graph: tuple[str, ...] | None) -> Results | NotMade:
    """Check the graph: that of our converter, or one that computes the model if it stores the model's constants."""
    opened, pairing = evidence.file.opened, evidence.pairing
    if opened is None or pairing is None:
        return NotMade(evidence.file.trouble, is_missing=True)
    if opened.violations:
        return (CheckResult.stated("structure", "the grids", opened.violations[0], passed=False),)
    if graph == ():
        reason = f"its operators, their options and what they read are those of our own float .{PRIMARY.name}"
        return (CheckResult.stated("structure", "the graph", reason, passed=True),)
    if built.trouble:
        return NotMade(f"the file with the model's constants cannot run: {built.trouble}", is_missing=True)
    left = [f"{one.role} of {one.place}" for one in (*pairing.unknown, *pairing.missing)]
    left += [f"{pair.stored.role} of {pair.layer}" for pair in pairing.pairs if not pair.is_sure]
    if not built.computes_the_model and left:
        why = f"{len(left)} constants have no sure counterpart, such as the {left[0]}"
        return NotMade(f"its graph is not that of our own file, and {why}", is_missing=True)
    quantity, least, reason = "SQNR of the file's graph with the model's constants", PARITY.min_sqnr_db, PARITY.reason
    results = [
        CheckResult.at_least(
            least, built.sqnr_db, id="structure", subject="the graph", quantity=quantity, unit="dB", reason=reason
        )
    ]
    if built.enlarged_db is not None:
        least, reason = ENLARGED_PARITY.min_sqnr_db, ENLARGED_PARITY.reason
        subject = f"the graph, inputs enlarged {TIMES} times"
        results.append(
            CheckResult.at_least(
                least, built.enlarged_db, id="structure", subject=subject, quantity=quantity, unit="dB", reason=reason
            )
        )
    return tuple(results)
