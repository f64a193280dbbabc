"""First the new layers alone, then all of them: what is trained already is not spoilt by what is not.

Yosinski et al. 2014, https://arxiv.org/abs/1411.1792, on what is lost otherwise; the schedule is a warm-up and half a
cosine (Loshchilov and Hutter 2016, https://arxiv.org/abs/1608.03983) in each phase.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from training.recipe import TrainingRecipe
    from training.starting import Start

# Measured with MobileNet v1 on 480 small photos of ten classes: a slower head is half as good after the same epochs,
# and a faster second phase forgets more than it learns.
_HEAD_RATE, _FINE_RATE, _SCRATCH_RATE = 1e-2, 3e-5, 2e-3
_WEIGHT_DECAY = 1e-3
_WARM_UP = 0.1  # of a phase's steps


@dataclass(frozen=True, kw_only=True)
class Phase:
    """Some epochs in which the same layers learn.

    Attributes:
        name: "head": the new layers only; "fine": all of them, but batch norms keep what they have seen; all others:
            everything.
        epochs: how many.
        learning_rate: at its highest.
        on_the_way: epochs at the start after which the network is not yet what it shall be: none of them is the best.
    """

    name: str
    epochs: int
    learning_rate: float
    on_the_way: int = 0

    def prepare(self, start: Start) -> None:
        """Set which layers of the model learn."""
        import keras

        for layer in start.model.layers:
            keeps = self.name == "fine" and isinstance(layer, keras.layers.BatchNormalization)
            layer.trainable = not keeps and (self.name != "head" or layer.name in start.new)

    def optimizer(self, steps: int, library: Any) -> Any:
        """Return one whose rate rises and falls over `steps`, all of the phase's.

        Args:
            steps: of all epochs.
            library: keras, or tf_keras.
        """
        warm = max(1, round(_WARM_UP * steps))
        schedule = library.optimizers.schedules.CosineDecay(
            self.learning_rate / 10, max(1, steps - warm), warmup_target=self.learning_rate, warmup_steps=warm
        )
        return library.optimizers.AdamW(schedule, weight_decay=_WEIGHT_DECAY)


def plan(recipe: TrainingRecipe, start: Start) -> Sequence[Phase]:
    """Return the phases in which a network learns its task, those of no epochs left out."""
    if not start.weights.trained:
        phases = [Phase(name="whole", epochs=recipe.epochs, learning_rate=recipe.learning_rate or _SCRATCH_RATE)]
    else:
        asked = recipe.head_epochs if recipe.head_epochs is not None else (recipe.epochs + 2) // 3
        head = asked if start.new else 0
        fine_rate = recipe.learning_rate or _FINE_RATE
        phases = [
            Phase(name="head", epochs=head, learning_rate=_HEAD_RATE),
            Phase(name="fine", epochs=recipe.epochs - head, learning_rate=fine_rate),
        ]
    return tuple(phase for phase in phases if phase.epochs)
