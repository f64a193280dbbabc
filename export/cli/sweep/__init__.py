"""The file of a sweep, read and checked before any work, and what is shown of a sweep in the terminal."""
