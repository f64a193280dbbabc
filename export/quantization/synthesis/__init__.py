"""Calibration without data: images generated from the statistics of the network's batch norms."""

from __future__ import annotations

from export.quantization.synthesis.descent import images

__all__ = ["images"]
