"""The epochs themselves: Keras fits, the notebook remembers."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import keras

from training.feed import Feed
from training.variations import Variations

if TYPE_CHECKING:
    from training.notebook import Notebook, Row
    from training.phases import Phase
    from training.recipe import TrainingRecipe
    from training.starting import Start
    from training.tasks.task import Parts, Task


class Listener(Protocol):
    """Hears of every step."""

    def __call__(self, what: str, done: int | None = None, total: int | None = None) -> None:
        """Hear what is done; `done` steps of `total` where they can be counted."""
        ...


class _Epochs(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """Tells of every step, and notes every epoch."""

    def __init__(self, feed: Feed, judge: Callable[[], Row], note: Callable[[Row], bool], tell: Listener) -> None:
        """Call `judge` and `note` after each epoch; the run stops when `note` says so."""
        super().__init__()
        self._feed, self._judge, self._note, self._tell = feed, judge, note, tell

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Give the epoch its own order."""
        self._feed.begin(epoch)
        self._began = time.perf_counter()
        self._name = f"epoch {epoch + 1}"

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Tell how far the epoch is."""
        self._tell(self._name, batch + 1, len(self._feed))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Judge and note."""
        row = {"epoch": epoch + 1, "loss": float(logs["loss"]), **self._judge()}
        row["seconds"] = time.perf_counter() - self._began
        if self._note(row):
            self.model.stop_training = True


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a run works with.

    Attributes:
        start: the network, which is changed in place.
        phases: one after the other.
        parts: the examples.
        task: what is learned.
        recipe: how.
        mirrored: whether photos may be mirrored.
    """

    start: Start
    phases: Sequence[Phase]
    parts: Parts
    task: Task
    recipe: TrainingRecipe
    mirrored: bool

    def go(self, notebook: Notebook, tell: Listener) -> None:
        """Train from where the notebook stands; the model then has the weights of its best epoch."""
        varied = Variations(mirrored=self.mirrored) if self.recipe.augment else None
        batch, seed = self.recipe.batch, self.recipe.seed
        feed = Feed(self.task, self.start, self.parts.train, batch=batch, seed=seed, variations=varied)
        # A second model of the same layers: the first keeps no loss of ours, which its file would have to name.
        learner = keras.Model(self.start.model.inputs, self.start.model.outputs)
        resumed, first = notebook.epochs > 0, 0
        for phase in self.phases:
            begun, first = first, first + phase.epochs
            if notebook.epochs >= first or (notebook.epochs > begun and self._enough(phase, notebook)):
                continue
            optimizer = self._compile(learner, phase, len(feed))
            if resumed:
                notebook.restore_last(self.start.model, optimizer if notebook.epochs > begun else None)
                resumed = False
            listener = _Epochs(feed, self._judge, partial(self._note, phase, optimizer, notebook), tell)
            learner.fit(
                feed,
                initial_epoch=notebook.epochs,
                epochs=first,
                shuffle=False,
                verbose=0,
                callbacks=[listener],
            )
        if notebook.best is not None:
            notebook.restore_best(self.start.model)
        for layer in self.start.model.layers:
            layer.trainable = True

    def _judge(self) -> Row:
        scores = self.task.judge(self.start, self.parts.validation)
        return {"score": scores[self.task.metrics[0].key], **scores}

    def _note(self, phase: Phase, optimizer: keras.Optimizer, notebook: Notebook, row: Row) -> bool:
        """Note an epoch; return whether it was the last one."""
        notebook.add({"phase": phase.name, **row}, self.start.model, optimizer)
        return self._enough(phase, notebook)

    def _enough(self, phase: Phase, notebook: Notebook) -> bool:
        return phase is self.phases[-1] and notebook.stalled(self.recipe.patience)

    def _compile(self, learner: keras.Model, phase: Phase, steps: int) -> keras.Optimizer:
        """Make the learner ready for a phase; return its optimizer, with all its variables."""
        phase.prepare(self.start)
        optimizer = phase.optimizer(steps * phase.epochs)
        learner.compile(optimizer=optimizer, loss=list(self.task.losses(self.start)))
        optimizer.build(learner.trainable_variables)
        return optimizer
