"""Quantization: from a float model and samples to integer files."""
