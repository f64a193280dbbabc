"""Segmentation, a class for every pixel: pictures with masks to train and test on, and the metric."""
