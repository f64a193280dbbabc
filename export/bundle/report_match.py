"""Compare report.html with the page of the manifest, so that an edit of one of them shows in the other."""

from __future__ import annotations

from export.bundle import pictures
from export.bundle.completeness import DAMAGED
from export.bundle.read import Delivered, damage
from export.bundle.report.page import page
from export.bundle.write import REPORT
from export.proof.check import CheckResult
from export.runtime.versions import version

TOOL = "zoo-export"


def check(delivered: Delivered) -> tuple[CheckResult, ...]:
    """Check that report.html shows this manifest; the page of another version of zoo-export is not known."""
    from jinja2 import TemplateError

    path, digest = delivered.folder / REPORT, delivered.companions.get(REPORT)
    if digest is None or damage(path, digest) or delivered.versions.get(TOOL) != version(TOOL):
        return ()
    try:
        if not pictures.are_whole(delivered):
            return ()
        shown = page(delivered.manifest, pictures.read(delivered)).encode()
    except (*DAMAGED, TemplateError) as error:
        reason = f"the manifest gives no page ({type(error).__name__}: {error})"
        return (CheckResult.stated("consistency", REPORT, reason, passed=False),)
    same = path.stat().st_size == len(shown) and path.read_bytes() == shown
    reason = "it shows this manifest" if same else "it is not the page of this manifest: one of them was changed"
    return (CheckResult.stated("consistency", REPORT, reason, passed=same),)
