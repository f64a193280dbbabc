"""Trained weights of each family: sources, pinned by digest, and adapters from stored names to weight paths."""
