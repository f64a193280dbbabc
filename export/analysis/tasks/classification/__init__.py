"""Classification: from a photo to class scores, measured by top-1 and top-5 accuracy."""
