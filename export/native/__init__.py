"""What the child process does with native runtimes: each file holds jobs of `export.worker`. No TensorFlow here."""
