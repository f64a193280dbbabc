"""Text classification: from a text to class scores, measured by top-1 and top-5 accuracy."""
