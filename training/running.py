"""The stages of a run and their epochs: a learner learns, the notebook remembers."""

from __future__ import annotations

import math
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Protocol

from export.passes.prune import zero_share
from training.feed import Feed
from training.variations import Variations
from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    from training.distributing import Devices
    from training.learning import Learner
    from training.notebook import Notebook
    from training.phases import Phase
    from training.recipe import TrainingRecipe
    from training.stage import Stage
    from training.starting import Start
    from training.tasks.task import Parts, Task


class Listener(Protocol):
    """Hears of every step."""

    def __call__(self, what: str, done: int | None = None, total: int | None = None) -> None:
        """Hear what is done; `done` steps of `total` where they can be counted."""
        ...


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a run works with.

    Attributes:
        stages: one after the other.
        parts: the examples.
        task: what is learned.
        recipe: how.
        mirrored: whether photos may be mirrored.
        notebook: remembers.
        devices: share every step.
        tell: hears of every step.
    """

    stages: Sequence[Stage]
    parts: Parts
    task: Task
    recipe: TrainingRecipe
    mirrored: bool
    notebook: Notebook
    devices: Devices
    tell: Listener

    def go(self, start: Start) -> Start:
        """Train from where the notebook stands; return the network of the last stage's best epoch."""
        for number, stage in enumerate(self.stages):
            if any(self.notebook.has_begun(later.name) for later in self.stages[number + 1 :]):
                continue
            if number > 0:
                start = self._begun(number, start)
            start = self._measured(stage, self._done(number, stage, start))
        return start

    def _begun(self, number: int, start: Start) -> Start:
        """Return the network as a stage begins with it: from the disk, if it has begun before."""
        stage = self.stages[number]
        if not self.notebook.has_begun(stage.name):
            self.tell(f"begin to {stage.name.replace('_', ' ')}")
            if number == 1:
                self.notebook.keep_before(start.model, start.facts())
            prepared = stage.prepared(start, self.parts.train)
            self.notebook.begin(stage.name, prepared.model, prepared.facts())
        # Also the first time: what was saved is what a resumed run begins with.
        model, facts = self.notebook.beginning(stage.name)
        return replace(start, model=model, history=facts.history)

    def _done(self, number: int, stage: Stage, start: Start) -> Start:
        """Return the network of the stage's best epoch."""
        learner = None
        for phase in stage.phases:
            if any(self.notebook.rows_of(number, other.name) for other in _after(phase, stage.phases)):
                continue
            feed = self._feed(start)
            with self.devices.scope():
                learner = stage.learner(start, self.task, phase, len(feed))
            if self.notebook.rows_of(number, phase.name):
                self.notebook.restore_last([*learner.state, *learner.optimizer_state])
            elif self.notebook.rows_of(number):
                self.notebook.restore_last(learner.state)
            self._phase(number, phase, learner, feed)
        if learner is None:  # of no epochs
            return start
        if self.notebook.best(number) is not None:
            self.notebook.restore_best(learner.state)
        return replace(start, model=learner.network())

    def _measured(self, stage: Stage, start: Start) -> Start:
        """Return the network with a record of the stage."""
        key = self.task.metrics[0].key
        scores = {name: self.task.judge(start, part)[key] for name, part in self.parts.judging.items()}
        content = b"".join(weight.numpy().tobytes() for weight in start.model.weights)
        counted = {
            "weights": start.model.count_params(),
            "zero_share": zero_share(start.model),
            "bytes_zipped": len(zlib.compress(content, 9)),
        }
        record = {"name": stage.name, "parameters": dict(stage.parameters), "measured": {**counted, **scores}}
        return replace(start, history=(*start.history, record))

    def _phase(self, number: int, phase: Phase, learner: Learner, feed: Feed) -> None:
        """Learn for the rest of a phase's epochs."""
        for index in range(len(self.notebook.rows_of(number, phase.name)), phase.epochs):
            if index and self._stalled(number, phase):
                return
            begun, epoch = time.perf_counter(), self.notebook.epochs
            title = f"{phase.name}: epoch {index + 1} of {phase.epochs}"
            loss = learner.epoch(feed, epoch, partial(self._hear, title, len(feed)))
            if not math.isfinite(loss):
                flag = "--stage-learning-rate" if number else "--learning-rate"
                raise UsageProblemError(f"{title}: the loss is no number any more; type a smaller {flag}")
            scores = self.task.judge(learner.judged, self.parts.validation)
            row = {"stage": number, "phase": phase.name, "epoch": epoch + 1, "loss": loss}
            row |= {"counts": index >= phase.on_the_way, "score": scores[self.task.metrics[0].key], **scores}
            row["seconds"] = time.perf_counter() - begun
            self.notebook.add(row, learner.state, learner.optimizer_state)

    def _hear(self, title: str, total: int, done: int) -> None:
        self.tell(title, done, total)

    def _stalled(self, number: int, phase: Phase) -> bool:
        """Whether the epochs that are left would be in vain."""
        last = phase is self.stages[number].phases[-1]
        return last and self.notebook.stalled(number, self.recipe.patience)

    def _feed(self, start: Start) -> Feed:
        varied = Variations(mirrored=self.mirrored) if self.recipe.augment else None
        return Feed(
            self.task,
            start,
            self.parts.train,
            batch=self.recipe.batch,
            seed=self.recipe.seed,
            variations=varied,
            shares=self.devices.count,
        )


def _after(phase: Phase, phases: Sequence[Phase]) -> Sequence[Phase]:
    return phases[phases.index(phase) + 1 :]
