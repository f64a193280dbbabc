"""Start-up time of the commands that must not load slow libraries."""

from __future__ import annotations

import statistics

from benchmarks.process import measure, python

RUNS = 7


def run(models: list[str]) -> None:
    """Print the median of several runs of each command."""
    print("\n## Start-up (median of 7, seconds)\n")
    for arguments in (["--help"], ["list"], ["show", models[0]]):
        code = f"import sys; from export.cli.main import main; sys.exit(main({arguments!r}))"
        seconds = statistics.median(measure(python("-c", code)).seconds for _ in range(RUNS))
        print(f"zoo {' '.join(arguments):<18} {seconds:.2f}")
