"""Jobs that `export.runtime.worker` runs in a child process; they do not import TensorFlow."""
