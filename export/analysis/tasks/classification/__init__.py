"""Classification: one photo in, one row of classes out, judged by top-1 and top-5 accuracy."""
