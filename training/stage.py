"""Stages of a training run: training, then compression, each with phases of training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from training.learner import Learner
    from training.phases import Phase
    from training.start import Start
    from training.tasks import Examples, Task


class Stage(Protocol):
    """A stage of a training run.

    Attributes:
        name: name of the stage in records, such as "prune".
        phases: the training phases, in order.
    """

    @property
    def name(self) -> str:
        """Name of the stage in records."""
        ...

    @property
    def phases(self) -> Sequence[Phase]:
        """The training phases, in order."""
        ...

    def prepared(self, start: Start, examples: Examples) -> Start:
        """Return the network at the start of the stage; only `Learn` returns `start` itself."""
        ...

    def learner(self, start: Start, task: Task, phase: Phase, steps: int) -> Learner:
        """Return the learner for a phase with `steps` steps in each epoch."""
        ...

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The options of the stage, as plain data for the record in the file."""
        ...


@dataclass(frozen=True, kw_only=True)
class Learn:
    """The first stage: training without compression."""

    phases: Sequence[Phase]

    @property
    def name(self) -> str:
        """The name "learn", or "given" if there are no epochs and the network is only evaluated."""
        return "learn" if self.phases else "given"

    def prepared(self, start: Start, examples: Examples) -> Start:
        """Return `start` itself."""
        return start

    def learner(self, start: Start, task: Task, phase: Phase, steps: int) -> Learner:
        """Return a learner that uses Keras."""
        from training.learner import KerasLearner

        return KerasLearner(start, task, phase, steps)

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The number of epochs."""
        return {"epochs": sum(phase.epochs for phase in self.phases)}
