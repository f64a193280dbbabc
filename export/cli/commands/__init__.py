"""One file per command, each with a click command named `command`; `export.cli.main` lists them.

A command's module is imported for `zoo --help` too: whatever is slow is imported inside its function.
"""
