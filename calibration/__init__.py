"""Calibration data: sample sources, range observers and labelled photos, independent of any export format."""
