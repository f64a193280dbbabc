"""Compare the report and the code with those of the manifest, so that an edit of one of them shows in the other."""

from __future__ import annotations

from collections.abc import Mapping

from export.bundle import pictures, snippets
from export.bundle.completeness import DAMAGED
from export.bundle.read import Delivered, damage
from export.bundle.report.page import page
from export.bundle.write import REPORT
from export.bundle.writer import TOOL, writer
from export.proof.check import CheckResult


def check(delivered: Delivered) -> tuple[CheckResult, ...]:
    """Check that the report and the code are those of this manifest; what another version wrote is not known."""
    from jinja2 import TemplateError

    if delivered.versions.get(TOOL) != writer():
        return ()
    try:
        shown = page(delivered.manifest, pictures.read(delivered)).encode()
        written = {REPORT: shown, **snippets.companions(delivered.manifest)}
    except (*DAMAGED, TemplateError) as error:
        reason = f"the manifest gives no page ({type(error).__name__}: {error})"
        return (CheckResult.stated("consistency", REPORT, reason, passed=False),)
    return (*_report(delivered, written.pop(REPORT)), *_code(delivered, written))


def _report(delivered: Delivered, written: bytes) -> tuple[CheckResult, ...]:
    """Check the report, unless it or a picture in it is not that of the export anyway."""
    if REPORT not in delivered.companions or _is_damaged(delivered, REPORT) or not pictures.are_whole(delivered):
        return ()
    same = _is(delivered, REPORT, written)
    reason = "it shows this manifest" if same else "it is not the page of this manifest: one of them was changed"
    return (CheckResult.stated("consistency", REPORT, reason, passed=same),)


def _code(delivered: Delivered, written: Mapping[str, bytes]) -> tuple[CheckResult, ...]:
    """Check the code, if there is any: no part of it is missing, and none says something else than the manifest."""
    known = {name: content for name, content in written.items() if not _is_damaged(delivered, name)}
    other = [name for name, content in known.items() if not _is(delivered, name, content)]
    if not known:
        return ()
    reason = f"{', '.join(other)}: not the code of this manifest" if other else "it is that of this manifest"
    return (CheckResult.stated("consistency", "the code", reason, passed=not other),)


def _is_damaged(delivered: Delivered, name: str) -> bool:
    """Return whether a file differs from the exported one, which another check says."""
    return name in delivered.companions and bool(damage(delivered.folder / name, delivered.companions[name]))


def _is(delivered: Delivered, name: str, content: bytes) -> bool:
    path = delivered.folder / name
    return name in delivered.companions and path.stat().st_size == len(content) and path.read_bytes() == content
