"""Calibration without data: images made of what the network's own batch norms remember of its training data."""

from __future__ import annotations

from export.quantization.synthesis.descent import images

__all__ = ["images"]
