"""Segmentation, a class for every pixel: pictures to learn it from, training, and the score."""
