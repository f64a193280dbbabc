"""Interface of passes that the user chooses by a flag of `zoo export`."""

from __future__ import annotations

from typing import ClassVar, Protocol, Self

from export.passes import Pass
from zoo.errors import UsageProblemError


class ChosenPass(Protocol):
    """Frozen settings of a flag; `steps` returns the passes to run.

    Attributes:
        flag: name of the flag, such as "--prune".
        metavar: placeholder of the flag's value in the help.
        help: one sentence for the help.
    """

    flag: ClassVar[str]
    metavar: ClassVar[str]
    help: ClassVar[str]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the settings for a value of the flag.

        Raises:
            UsageProblemError: the value is invalid.
        """
        ...

    @property
    def value(self) -> str:
        """Value of the flag, as `parse` takes it."""
        ...

    @property
    def file_part(self) -> str:
        """Part of the artifacts' file names."""
        ...

    def steps(self, seed: int) -> tuple[Pass, ...]:
        """Return the passes to run with the seed."""
        ...


def check_share(flag: str, share: float) -> None:
    """Check that a share lies strictly between 0 and 1.

    Raises:
        UsageProblemError: it does not.
    """
    if share == 0:
        raise UsageProblemError(f"{flag} 0 removes nothing; leave {flag} out")
    if not 0 < share < 1:
        raise UsageProblemError(f"{flag} takes a share between 0 and 1, such as 0.5 for one half")
