"""What Python's prompt makes of lines that are pasted into it: an empty line ends a block, and no other line does."""

from __future__ import annotations

import ast
from codeop import compile_command


def statements(code: str) -> int:
    """Return the number of statements that the prompt runs; a comment is none.

    Raises:
        SyntaxError: the prompt rejects a line, such as one that follows a block without an empty line between.
    """
    count, typed = 0, ""
    for line in [*code.splitlines(), ""]:
        typed += line + "\n"
        # The prompt asks without the last line break, which would end a block.
        if compile_command(typed[:-1], symbol="single") is not None:
            count, typed = count + len(ast.parse(typed).body), ""
    if typed:
        raise SyntaxError(f"the prompt waits for the rest of {typed!r}")
    return count
