"""Jobs of the child process with native runtimes, run by `export.runtime.worker`; none imports TensorFlow."""
