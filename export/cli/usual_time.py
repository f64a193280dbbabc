"""How long an export of a model's size usually takes."""

from __future__ import annotations

from pathlib import Path

from export.model.loading.model_file import is_model_file
from export.model.stored.stored_model import stored_model
from export.model.stored.structure import read_config
from export.model.stored.weight_counts import weight_counts
from export.recipe import Recipe
from export.units import count_in_words
from zoo.architecture import find

# Most parameters -> seconds of `zoo export --int8` on 2 cores, from and to, of four in five networks in docs/zoo.md.
SECONDS = ((1e6, (7, 20)), (1e7, (20, 90)), (3e7, (40, 150)), (1.5e8, (70, 180)))


def sentence(recipe: Recipe) -> str:
    """Return how long the export usually takes; empty if none of this size or kind was measured."""
    count = parameters(recipe.model)
    between = seconds(count) if count else None
    if between is None or recipe.budget.is_asked or not recipe.reconstruct:
        return ""
    low, high = map(in_words, between)
    # Without integers it takes between a fifth and four fifths of that (ResNet50, LeNet-5): only the limit is certain.
    is_integer = any(scheme.has_integer_weights for scheme in recipe.schemes)
    duration = f"{low} to {high}" if is_integer else f"less than {high}"
    return f"{recipe.model}, {count_in_words(count)} parameters: this usually takes {duration} on 2 free cores"


def parameters(model: str) -> int:
    """Return the number of parameters of a network of the zoo or of the model in a file; 0 if unknown."""
    if not is_model_file(model):
        return find(model).parameter_count
    path = Path(model).expanduser()
    if not path.exists():
        return 0
    config = read_config(path, unsafe_lambda=True)  # nothing is loaded, so no code runs
    return sum(weight_counts(path, stored_model(config)).values()) if config is not None else 0


def seconds(count: int) -> tuple[float, float] | None:
    """Return from how many seconds to how many an int8 export takes; None if so large a network was not measured."""
    return next((between for most, between in SECONDS if count <= most), None)


def in_words(duration_s: float) -> str:
    """Return a rough duration: "8 s", "36 s", "1.5 min"."""
    return f"{duration_s:.0f} s" if duration_s < 90 else f"{duration_s / 60:.2g} min"
