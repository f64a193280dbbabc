"""Run files in child processes, so that a crash of a runtime becomes an error message."""
