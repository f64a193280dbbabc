"""Segmentation: from a photo to class scores of each pixel, measured by mean IoU."""
