"""Detection: one photo in, boxes of objects out, judged by average precision as COCO defines it."""
