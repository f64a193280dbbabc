"""Segmentation: one photo in, a row of classes for each pixel out, judged by the mean IoU of the masks."""
