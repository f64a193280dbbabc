"""The result of an export: its files and measurements, shown as a table in a terminal and in a notebook."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_COLUMNS = {
    "precision": "scheme",
    "format": "format",
    "size": "size",
    "of float32": "ratio",
    "SQNR dB": "sqnr",
    "same top-1 %": "agreement",
    "p50 ms": "time",
    "verdict": "verdict",
    "": "reason",
}
_COLOURS = {"good": "#1a7f37", "noted": "#9a6700", "failed": "#cf222e"}
_WIDTH = 110  # characters of the table in a terminal


@dataclass(frozen=True, kw_only=True, repr=False)
class Result:
    """What an export wrote and measured.

    Attributes:
        folder: holds the delivered files; None if no file could be delivered.
        manifest: all measurements, as in manifest.json.
        notes: sentences about arguments without effect.
    """

    folder: Path | None
    manifest: Mapping[str, Any]
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every requested file is proven."""
        return bool(self.manifest["passed"])

    @property
    def files(self) -> dict[str, Path]:
        """Return the paths of the delivered model files, by name."""
        if self.folder is None:
            return {}
        return {record["file"]: self.folder / record["file"] for record in self.manifest["files"]}

    def __str__(self) -> str:
        """Return the table of the command, as plain text."""
        import io

        from rich.console import Console

        from export.cli.tables.export import print_table

        text = io.StringIO()
        console = Console(file=text, width=_WIDTH, color_system=None, markup=False, highlight=False, emoji=False)
        print_table(console, self.manifest, title=self._title())
        lines = [text.getvalue().rstrip(), *(f"note: {note}" for note in self.notes), self._place()]
        return "\n".join(line.rstrip() for part in lines for line in part.splitlines())

    def __repr__(self) -> str:
        """Return the table, which Python shows for a result that is not assigned."""
        return str(self)

    def _repr_html_(self) -> str:
        """Return the table as HTML, which notebooks show."""
        from export.bundle.report.legend import legend
        from export.bundle.report.rows import rows

        head = "".join(f"<th>{html.escape(heading)}</th>" for heading in _COLUMNS)
        body = "".join(_html_row(row) for row in rows(self.manifest))
        below = [*legend(self.manifest), *(f"note: {note}" for note in self.notes), self._place()]
        lines = "".join(f"<div><small>{html.escape(line)}</small></div>" for line in below)
        return (
            f"<div><b>{html.escape(self._title())}</b></div>"
            f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{lines}"
        )

    def _title(self) -> str:
        return f"{self.manifest['name']}: {self.manifest['title']}"

    def _place(self) -> str:
        if self.folder is None:
            return "no file was delivered"
        return f"{self.folder}: {', '.join(self.files)}"


def _html_row(row: Any) -> str:
    cells = []
    for field in _COLUMNS.values():
        style = f' style="color:{_COLOURS[row.state]};font-weight:bold"' if field == "verdict" else ""
        cells.append(f"<td{style}>{html.escape(getattr(row, field))}</td>")
    return f"<tr>{''.join(cells)}</tr>"
