"""Detection: from a photo to boxes of objects, measured by average precision as COCO defines it."""
