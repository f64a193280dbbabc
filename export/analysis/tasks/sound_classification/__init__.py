"""Sound classification: from a sound to class scores, measured by top-1 and top-5 accuracy."""
