"""Measurements of accuracy, cost and speed: printed, never asserted; ratios of one run are what counts."""
