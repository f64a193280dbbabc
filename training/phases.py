"""Training phases: first the new layers alone, then all layers, so that random layers do not spoil pretrained ones.

Yosinski et al. 2014, https://arxiv.org/abs/1411.1792. The learning rate of each phase has a warm-up and a cosine decay
(Loshchilov and Hutter 2016, https://arxiv.org/abs/1608.03983).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from training.recipe import TrainingRecipe
    from training.start import Start


@dataclass(frozen=True, kw_only=True)
class Rates:
    """Peak learning rates.

    Attributes:
        head: of the new layers alone.
        fine: of all layers, most of which are pretrained.
        scratch: of all layers with random weights.
    """

    head: float
    fine: float
    scratch: float


# Measured with MobileNet v1 on 480 small photos of ten classes: with a lower rate of the head, the accuracy after the
# same number of epochs is half as high; a higher rate in the second phase destroys pretrained features.
PHOTOS = Rates(head=1e-2, fine=3e-5, scratch=2e-3)
_WEIGHT_DECAY = 1e-3
_WARM_UP = 0.1  # fraction of the steps of a phase


@dataclass(frozen=True, kw_only=True)
class Phase:
    """Epochs in which the same layers are trained.

    Attributes:
        name: "head" trains only the new layers, "fine" all layers except batch norms, any other name all layers.
        epochs: number of epochs.
        learning_rate: peak learning rate.
        incomplete_epochs: number of first epochs that cannot be the best, because the network is not yet fully pruned.
    """

    name: str
    epochs: int
    learning_rate: float
    incomplete_epochs: int = 0

    def prepare(self, start: Start) -> None:
        """Set which layers of the model are trainable."""
        import keras

        for layer in start.model.layers:
            keeps = self.name == "fine" and isinstance(layer, keras.layers.BatchNormalization)
            layer.trainable = not keeps and (self.name != "head" or layer.name in start.new)

    def optimizer(self, steps: int, library: Any) -> Any:
        """Return an optimizer whose learning rate rises and falls over `steps`.

        Args:
            steps: number of steps in all epochs of the phase.
            library: keras, or tf_keras.
        """
        warm = max(1, round(_WARM_UP * steps))
        schedule = library.optimizers.schedules.CosineDecay(
            self.learning_rate / 10, max(1, steps - warm), warmup_target=self.learning_rate, warmup_steps=warm
        )
        return library.optimizers.AdamW(schedule, weight_decay=_WEIGHT_DECAY)


def plan(recipe: TrainingRecipe, start: Start, rates: Rates = PHOTOS) -> Sequence[Phase]:
    """Return the phases of training without compression, except those of no epochs."""
    if not start.weights.trained:
        phases = [Phase(name="whole", epochs=recipe.epochs, learning_rate=recipe.learning_rate or rates.scratch)]
    else:
        head_epochs = recipe.head_epochs if recipe.head_epochs is not None else (recipe.epochs + 2) // 3
        head = head_epochs if start.new else 0
        fine_rate = recipe.learning_rate or rates.fine
        phases = [
            Phase(name="head", epochs=head, learning_rate=rates.head),
            Phase(name="fine", epochs=recipe.epochs - head, learning_rate=fine_rate),
        ]
    return tuple(phase for phase in phases if phase.epochs)
