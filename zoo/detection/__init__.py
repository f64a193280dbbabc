"""What the raw numbers of a detector mean: boxes, their classes, and how good they are. Needs no more than NumPy."""
