"""Sample sources; `draw` takes two disjoint sets from any of them."""

from __future__ import annotations

from calibration.sources.drawing import draw

__all__ = ["draw"]
