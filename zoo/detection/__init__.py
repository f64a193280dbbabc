"""From the raw outputs of a detector to boxes, classes and average precision, with NumPy only."""
