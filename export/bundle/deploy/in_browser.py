"""Check delivered files in headless Chromium: the self-check of their page, with both runtimes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from export import temporary
from export.bundle import serve
from export.bundle.deploy.browser import BROWSER
from export.bundle.deploy.emulated import EmulatedFile
from export.bundle.deploy.pack import pack
from export.bundle.read import Delivered
from export.progress import Progress
from export.runtime.emulation import chromium
from zoo.errors import CheckFailedError

PLACE = "browser"  # as typed after `--on`


def check(delivered: Delivered, samples: int | None, progress: Progress) -> tuple[EmulatedFile, ...]:
    """Return the self-check of every proven file, precision by precision.

    Args:
        delivered: the folder of an export.
        samples: number of golden samples; None takes all.
        progress: is notified of every step.

    Raises:
        UsageProblemError: a page runs none of the files.
        CheckFailedError: a file differs from the exported one, or the page loads something from elsewhere.
        OutsideError: Chromium or the libraries of the page are missing.
    """
    precisions = dict.fromkeys(file.scheme.name for file in delivered.files if not file.failures)
    found: list[EmulatedFile] = []
    with chromium.opened() as page:
        for precision in precisions:
            with temporary.folder() as work:
                packed = pack(delivered, BROWSER, precision, Path(work) / "page", progress)
                progress.step(f"run the {precision} files in Chromium")
                rows = _self_check(page, packed.path, samples)
            found += [_file(row, precision) for row in rows]
    return tuple(found)


def _self_check(page: chromium.Page, folder: Path, samples: int | None) -> list[dict[str, Any]]:
    with _served(folder) as address:
        page.requests.clear()
        page.open(address)
        result = page.evaluate(f"page.checkAll({'undefined' if samples is None else samples})")
        elsewhere = [one for one in page.requests if not one.startswith((address, "data:", "blob:"))]
    if elsewhere:
        raise CheckFailedError(f"the page requested {elsewhere[0]}, which is not in its folder")
    rows: list[dict[str, Any]] = result["files"]
    return rows


def _file(row: dict[str, Any], precision: str) -> EmulatedFile:
    outputs = row["outputs"]
    is_identical = all(one.get("identical", False) for one in outputs)
    words = "; ".join(f"{one['output']}: {one['words']}".removeprefix(": ") for one in outputs)
    return EmulatedFile(
        file=row["file"],
        precision=precision,
        state="passed" if row["passed"] else "failed",
        is_identical=is_identical,
        words="identical to the outputs at the export" if is_identical and row["passed"] else words,
        runtime=row["runtime"] or "",
        samples=max((one.get("samples", 0) for one in outputs), default=0),
    )


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    """Serve a folder in the background; its address."""
    with serve.server(folder, serve.LOCAL, 0) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        try:
            yield serve.address(running)
        finally:
            running.shutdown()
            thread.join()
