"""The command `zoo` as a shell starts it: in a process of its own, which Ctrl-C ends.

What starts the tests may ignore Ctrl-C, as `nohup make test &` does, and every child inherits that.
"""

from __future__ import annotations

import sys

_CODE = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from export.cli.main import main; sys.exit(main())"
)
PROGRAM = [sys.executable, "-c", _CODE]
