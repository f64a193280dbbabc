"""The training loop: runs the stages and their epochs, and saves the state after each epoch."""

from __future__ import annotations

import math
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from export.passes.prune import zero_share
from training.augmentation import Augmentation
from training.feed import Feed
from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    from training.distributing import Devices
    from training.learner import Learner
    from training.phases import Phase
    from training.recipe import TrainingRecipe
    from training.run_state import RunState
    from training.stage import Stage
    from training.start import Start
    from training.tasks.task import Parts, Task


class ProgressListener(Protocol):
    """Callback for progress reports."""

    def __call__(self, what: str, done: int | None = None, total: int | None = None, detail: str = "") -> None:
        """Report the current activity, how many of its steps are done if they can be counted, and what it measured."""
        ...


@dataclass(frozen=True, kw_only=True)
class Run:
    """A training run.

    Attributes:
        stages: the stages, in order.
        parts: training, validation and test examples.
        task: the task of the network.
        recipe: the training options.
        mirrored: whether augmentation may mirror photos.
        run_state: state on disk.
        devices: devices that share each batch.
        report: called at every step.
    """

    stages: Sequence[Stage]
    parts: Parts
    task: Task
    recipe: TrainingRecipe
    mirrored: bool
    run_state: RunState
    devices: Devices
    report: ProgressListener

    def go(self, start: Start) -> Start:
        """Run all stages, from the saved state on; return the network of the best epoch of the last stage."""
        for number, stage in enumerate(self.stages):
            if any(self.run_state.has_begun(later.name) for later in self.stages[number + 1 :]):
                continue
            if number > 0:
                start = self._prepared(number, start)
            start = self._measured(stage, self._trained(number, stage, start))
        return start

    def _prepared(self, number: int, start: Start) -> Start:
        """Return the network at the start of a stage; it is read from disk if the stage had begun before."""
        stage = self.stages[number]
        if not self.run_state.has_begun(stage.name):
            self.report(f"prepare the stage {stage.name.replace('_', ' ')}")
            if number == 1:
                self.run_state.keep_before(start.model, start.facts())
            prepared = stage.prepared(start, self.parts.train)
            self.run_state.begin(stage.name, prepared.model, prepared.facts())
        # A new run reads the saved file, too, so that a resumed one starts from exactly the same network.
        model, facts = self.run_state.beginning(stage.name)
        return replace(start, model=model, history=facts.history)

    def _trained(self, number: int, stage: Stage, start: Start) -> Start:
        """Return the network of the best epoch of a stage."""
        learner = None
        for phase in stage.phases:
            if any(self.run_state.rows_of(number, other.name) for other in _after(phase, stage.phases)):
                continue
            feed = self._feed(start)
            with self.devices.scope():
                learner = stage.learner(start, self.task, phase, len(feed))
            if self.run_state.rows_of(number, phase.name):
                self.run_state.restore_last([*learner.state, *learner.optimizer_state])
            elif self.run_state.rows_of(number):
                self.run_state.restore_last(learner.state)
            self._train_phase(number, phase, learner, feed)
        if learner is None:  # the stage has no epochs
            return start
        if self.run_state.best(number) is not None:
            self.run_state.restore_best(learner.state)
        return replace(start, model=learner.network())

    def _measured(self, stage: Stage, start: Start) -> Start:
        """Return the network with a record of the stage in its history."""
        key = self.task.metrics[0].key
        scores = {name: self.task.evaluate(start, part)[key] for name, part in self.parts.held_out.items()}
        content = b"".join(weight.numpy().tobytes() for weight in start.model.weights)
        counted = {
            "weights": start.model.count_params(),
            "zero_share": zero_share(start.model),
            "bytes_zipped": len(zlib.compress(content, 9)),
        }
        record = {"name": stage.name, "parameters": dict(stage.parameters), "measured": {**counted, **scores}}
        return replace(start, history=(*start.history, record))

    def _train_phase(self, number: int, phase: Phase, learner: Learner, feed: Feed) -> None:
        """Train for the remaining epochs of a phase.

        Raises:
            UsageProblemError: the loss became NaN or infinite.
        """
        for index in range(len(self.run_state.rows_of(number, phase.name)), phase.epochs):
            if index and self._stalled(number, phase):
                return
            begun, epoch = time.perf_counter(), self.run_state.epochs
            title = f"{phase.name}: epoch {index + 1} of {phase.epochs}"
            loss = learner.epoch(feed, epoch, partial(self._on_step, title, len(feed)))
            if not math.isfinite(loss):
                flag = "--stage-learning-rate" if number else "--learning-rate"
                raise UsageProblemError(f"{title}: the loss became NaN or infinite; use a smaller {flag}")
            scores = self.task.evaluate(learner.current, self.parts.validation)
            row = {"stage": number, "phase": phase.name, "epoch": epoch + 1, "loss": loss}
            row |= {"counts": index >= phase.incomplete_epochs, "score": scores[self.task.metrics[0].key], **scores}
            row["seconds"] = time.perf_counter() - begun
            self.run_state.add(row, learner.state, learner.optimizer_state)
            self.report(title, len(feed), len(feed), self._measures(row))

    def _on_step(self, title: str, total: int, done: int, loss: float) -> None:
        # The epoch is done when it has been evaluated.
        self.report(title, min(done, total - 1), total, f"loss {loss:.3f}")

    def _measures(self, row: Mapping[str, Any]) -> str:
        """Return what an epoch reached: the loss, the score on the validation data, and how long it took."""
        metric = self.task.metrics[0]
        score = f"{metric.title} {metric.words(row['score'])} {metric.unit}".rstrip()
        return f"loss {row['loss']:.3f}, validation {score}, {row['seconds']:.0f} s"

    def _stalled(self, number: int, phase: Phase) -> bool:
        """Whether the last phase of a stage has run for `patience` epochs without a better score."""
        last = phase is self.stages[number].phases[-1]
        return last and self.run_state.stalled(number, self.recipe.patience)

    def _feed(self, start: Start) -> Feed:
        augmentation = Augmentation(mirrored=self.mirrored) if self.recipe.augment else None
        return Feed(
            self.task,
            start,
            self.parts.train,
            batch=self.recipe.batch,
            seed=self.recipe.seed,
            augmentation=augmentation,
            shares=self.devices.count,
        )


def _after(phase: Phase, phases: Sequence[Phase]) -> Sequence[Phase]:
    return phases[phases.index(phase) + 1 :]
