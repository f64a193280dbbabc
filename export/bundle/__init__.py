"""The folder that an export delivers: write it atomically, read it, verify it and run its files."""
