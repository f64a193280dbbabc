"""Measurements of accuracy, cost and speed: printed, never asserted; ratios of one run are what counts."""

from __future__ import annotations

import os

# What an export costs is measured without results of earlier ones.
os.environ.setdefault("ZOO_EXPORT_NO_CACHE", "1")
