"""With what data: one `draw` for every source, two sets that never overlap."""

from __future__ import annotations

from calibration.sources.drawing import draw

__all__ = ["draw"]
