"""The child process of an export, with a thread that notes what it does: for `python -m benchmarks profile`.

Every hundredth of a second the thread writes the time since the last sample, the processor time that the process used
in it (that of native threads included), the innermost function of this project on the main thread's stack and the
library that the function has called.
"""

from __future__ import annotations

import os
import sys
import sysconfig
import threading
import time
from pathlib import Path
from types import FrameType

from export import process
from export.runtime import worker

PROGRAM = "benchmarks.sampled"
FOLDER = "ZOO_EXPORT_PROFILE"  # environment variable: where the samples are written
INTERVAL_S = 0.01
ROOT = f"{Path(__file__).resolve().parents[1]}{os.sep}"
LIBRARIES = f"{sysconfig.get_paths()['purelib']}{os.sep}"
OURS, PYTHON = "ours", "python"


def main() -> int:
    """Run the jobs of `export.runtime.worker` and write samples until the process ends."""
    process.PROGRAM = PROGRAM  # The children of this process write samples, too.
    threading.Thread(target=_write_samples, args=(threading.main_thread().ident,), daemon=True).start()
    return worker.main()


def _write_samples(thread: int) -> None:
    path = Path(os.environ[FOLDER]) / f"{os.getpid()}.tsv"
    wall, processor = time.monotonic(), 0.0  # The time before this thread, in which Python starts, counts.
    with path.open("w", encoding="utf-8", buffering=1) as file:
        while True:
            time.sleep(INTERVAL_S)
            now, used = time.monotonic(), time.process_time()
            function, library = place(sys._current_frames()[thread])
            file.write(f"{now:.3f}\t{now - wall:.4f}\t{used - processor:.4f}\t{function}\t{library}\n")
            wall, processor = now, used


def place(frame: FrameType | None) -> tuple[str, str]:
    """Return the innermost function of this project on a stack, and the library that it has called."""
    library = ""
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(LIBRARIES):
            library = library or Path(name).relative_to(LIBRARIES).parts[0]
        elif name.startswith(ROOT):
            return f"{name.removeprefix(ROOT).removesuffix('.py')}:{frame.f_code.co_name}", library or OURS
        frame = frame.f_back
    return "", library or PYTHON


if __name__ == "__main__":
    sys.exit(main())
