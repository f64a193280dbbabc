"""The child process that touches native runtimes; it never imports TensorFlow. See `export.child`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from export.native.describing import inspect
from export.native.dissecting import dissect
from export.native.running import run
from export.native.timing import bench, bench_in_turns
from export.native.watching import activations, observe
from zoo.errors import UsageProblemError

JOBS: Mapping[str, Callable[..., dict[str, Any]]] = {
    "run": run,
    "observe": observe,
    "activations": activations,
    "dissect": dissect,
    "bench": bench,
    "bench_in_turns": bench_in_turns,
    "inspect": inspect,
}


def main() -> int:
    """Read a request from standard input, write the answer to the file that it names."""
    request = json.load(sys.stdin)
    try:
        answer = JOBS[request["job"]](**request["arguments"])
    except UsageProblemError as error:
        answer = {"refused": str(error), "exit_code": error.exit_code}
    Path(request["answer"]).write_text(json.dumps(answer), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
