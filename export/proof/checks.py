"""The registry of checks of one file; each has a row in docs/proof.md and a planted fault that it catches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from export.proof import integer_checks, output_checks, source_checks
from export.proof.check import NotMade, Results, failed
from export.proof.evidence import Evidence


@dataclass(frozen=True)
class Check:
    """One check of a file.

    Attributes:
        id: one word, which begins the check's row in docs/proof.md.
        run: returns the results for one file, at least one, or why the check was not made.
    """

    id: str
    run: Callable[[Evidence], Results | NotMade]


# In the order in which they run and are reported.
CHECKS: tuple[Check, ...] = (
    Check("parity", output_checks.parity),
    Check("fidelity", output_checks.fidelity),
    Check("stream", output_checks.stream),
    Check("structure", integer_checks.structure),
    Check("arithmetic", integer_checks.arithmetic),
    Check("storage", integer_checks.storage),
    Check("convention", output_checks.convention),
    Check("order", output_checks.order),
    Check("agreement", output_checks.agreement),
    Check("origin", source_checks.origin),
    Check("calibration", source_checks.calibration),
    Check("ranges", integer_checks.ranges),
    Check("equalization", source_checks.equalization),
    Check("reconstruction", source_checks.reconstruction),
    Check("drift", source_checks.drift),
    Check("clipping", integer_checks.clipping),
)


def make_all(evidence: Evidence) -> tuple[Results, Mapping[str, NotMade]]:
    """Return the results of all checks of a file, and by their id why the others were not made.

    A check without any result fails: it must say why it was not made.
    """
    made = {check.id: check.run(evidence) for check in CHECKS}
    results = [
        one or failed(id, "the file", "the check gave no result")
        for id, one in made.items()
        if not isinstance(one, NotMade)
    ]
    return sum(results, ()), {id: one for id, one in made.items() if isinstance(one, NotMade)}
