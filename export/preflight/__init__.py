"""Mistakes in a command that can be seen before TensorFlow starts: names, files, data, options, the disk."""
