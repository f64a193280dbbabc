"""What happens to a network one thing after the other: it learns, loses weights, learns again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from training.learning import Learner
    from training.phases import Phase
    from training.starting import Start
    from training.tasks import Examples, Task


class Stage(Protocol):
    """One of these things.

    Attributes:
        name: of it, for the record: "prune".
        phases: in which the network learns, one after the other.
    """

    @property
    def name(self) -> str:
        """Name of the stage."""
        ...

    @property
    def phases(self) -> Sequence[Phase]:
        """The phases in which the network learns."""
        ...

    def prepared(self, start: Start, examples: Examples) -> Start:
        """Return the network as the stage's first epoch finds it; `start` stays as it is, but for `Learn`."""
        ...

    def learner(self, start: Start, task: Task, phase: Phase, steps: int) -> Learner:
        """Return what learns in a phase of so many steps an epoch."""
        ...

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What was asked for, for the file."""
        ...


@dataclass(frozen=True, kw_only=True)
class Learn:
    """The network learns its task."""

    phases: Sequence[Phase]

    @property
    def name(self) -> str:
        """What was done: nothing but looking at the network as it was given, if there are no epochs."""
        return "learn" if self.phases else "given"

    def prepared(self, start: Start, examples: Examples) -> Start:
        """Return `start` itself."""
        return start

    def learner(self, start: Start, task: Task, phase: Phase, steps: int) -> Learner:
        """Return Keras's own."""
        from training.learning import KerasLearner

        return KerasLearner(start, task, phase, steps)

    @property
    def parameters(self) -> Mapping[str, Any]:
        """How long."""
        return {"epochs": sum(phase.epochs for phase in self.phases)}
