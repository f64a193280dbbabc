"""One file per command, each with a click command named `command`; `export.cli.main` lists them.

Slow modules are imported inside the function of a command, so that `--help` stays fast.
"""
