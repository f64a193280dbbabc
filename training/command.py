"""`zoo train NAME --data photos/`: train a network of the zoo, or a .keras file, on photos, sounds or texts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from export.cli.console import print_json, standard_error, standard_output
from export.cli.option_words import as_spelled, chosen_passes, model, option
from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    from training.recipe import TrainingRecipe

EPOCHS_ON_PHOTOS, EPOCHS_ON_TEXTS, EPOCHS_ON_SOUNDS = 10, 3, 30
OF_EVALUATION = ("name", "data", "evaluate", "validation", "preprocessing", "seed", "as_json")  # what it reads


@click.command()
@click.argument("name", metavar="NAME|FILE.keras")
@click.option(
    "--data",
    required=True,
    metavar="FOLDER|FILE|NAME",
    help="Training data: FOLDER/CLASS/photo.jpg, a CSV with columns file and class, or mnist, fashion_mnist, cifar10; "
    "for networks that hear sounds, FOLDER/CLASS/word.wav; for networks that read text, a CSV with columns text and "
    "class, or a .txt with one text per line.",
)
@click.option(
    "--out",
    metavar="FILE.keras",
    type=click.Path(path_type=Path),
    help="File to write. [default: NAME.keras, or FILE-trained.keras]",
)
@click.option(
    "--epochs",
    type=int,
    help="Training epochs. [default: 10 on photos, 30 on sounds, 3 on texts, or 0 if a FILE.keras is pruned, "
    "clustered or quantized]",
)
@click.option(
    "--head-epochs", type=int, help="How many of these epochs train only the new layers. [default: one third]"
)
@click.option("--batch", default=32, show_default=True, type=click.IntRange(min=1), help="Batch size.")
@click.option(
    "--devices", metavar="N|all|cpu:N", help="Split every batch over N GPUs, all GPUs, or N groups of CPU cores."
)
@click.option(
    "--learning-rate",
    type=click.FloatRange(min=0, min_open=True),
    help="Peak learning rate. [default: 3e-5, or 2e-3 from random weights; for texts, see docs/training.md]",
)
@click.option("--validation", default=0.2, show_default=True, help="Share of the data used for validation.")
@click.option(
    "--patience",
    default=5,
    show_default=True,
    type=click.IntRange(min=1),
    help="Stop after this many epochs without a better validation score.",
)
@click.option("--weights", metavar="TAG|FILE|random", help="Initial weights. [default: the pretrained weights]")
@click.option(
    "--set", "settings", metavar="KEY=VALUE", multiple=True, help="Set an option of the network, as in zoo export."
)
@click.option(
    "--preprocessing",
    metavar="NAME",
    help="Input preprocessing of a .keras file that does not record it: unit, tf, torch, caffe, raw.",
)
@click.option("--prune-channels", metavar="SHARE", help="Fraction of channels to remove from every layer.")
@click.option(
    "--prune", metavar="SHARE|N:M", help="Weights to set to zero: a fraction such as 0.5, or 2:4 for 2 of every 4."
)
@click.option("--cluster", type=int, metavar="COUNT", help="Number of distinct weight values per layer, such as 32.")
@click.option("--qat", is_flag=True, help="Train with simulated 8-bit weights and activations.")
@click.option(
    "--stage-epochs",
    default=4,
    show_default=True,
    type=click.IntRange(min=1),
    help="Epochs for each of the four stages above.",
)
@click.option(
    "--stage-learning-rate",
    default=3e-4,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    help="Peak learning rate in each of these stages.",
)
@click.option("--no-augment", is_flag=True, help="Turn the augmentation of photos or sounds off.")
@click.option("--seed", default=0, show_default=True, help="Random seed.")
@click.option("--resume", is_flag=True, help="Continue an interrupted run.")
@click.option("--evaluate", is_flag=True, help="Only evaluate a .keras file on this data; do not train.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def command(name: str, data: str, out: Path | None, settings: tuple[str, ...], **options: Any) -> None:
    """Train a network on your photos, sounds or texts: first its new last layer, then all layers.

    A network that reads text learns its classes; one that continues a text has no new layer and trains all layers.

    The stages --prune-channels, --prune, --cluster and --qat, which are for photos and sounds, follow in this order;
    each one trains the network again. If any of them is given, a FILE.keras goes through these stages only, unless
    --epochs is given, too.
    """
    from export.cli.option_words import hears_sounds, reads_text
    from export.cli.progress_bar import ProgressBar
    from export.model.loading.model_file import is_model_file
    from export.runtime import background
    from training import job, printing
    from training.preflight import check
    from training.recipe import Compression, TrainingRecipe, record

    name, options = model(name), as_spelled(model(name), {**options, "data": data})
    data = options.pop("data")
    as_json, resume, plain, evaluate = (options.pop(key) for key in ("as_json", "resume", "no_augment", "evaluate"))
    compression = Compression(
        passes=chosen_passes(options),
        clusters=options.pop("cluster"),
        qat=options.pop("qat"),
        epochs=options.pop("stage_epochs"),
        learning_rate=options.pop("stage_learning_rate"),
    )
    is_file, epochs = is_model_file(name), options.pop("epochs")
    usual_epochs = EPOCHS_ON_SOUNDS if hears_sounds(name) else EPOCHS_ON_PHOTOS
    usual_epochs = EPOCHS_ON_TEXTS if reads_text(name) else usual_epochs
    recipe = TrainingRecipe(
        model=name,
        data=data,
        out=out or Path(f"{Path(name).stem}-trained.keras" if is_file else f"{name}.keras"),
        epochs=epochs if epochs is not None else 0 if is_file and compression.requested else usual_epochs,
        options=dict(option(text) for text in settings),
        augment=not plain,
        compression=compression,
        **options,
    )
    if evaluate:
        _check_no_training_flags()
    elif epochs is not None and epochs < (0 if compression.requested else 1):
        raise UsageProblemError(f"--epochs {epochs} trains nothing; type at least --epochs 1")
    check(recipe, resume=resume, evaluate=evaluate)
    for sentence in _without_effect(recipe, evaluate=evaluate):
        standard_error().print(f"note: {sentence}", soft_wrap=True)
    with ProgressBar(standard_error()) as progress:
        if evaluate:
            result = background.start(job.evaluate, progress, recipe=record(recipe))
        else:
            result = background.start(job.train, progress, recipe=record(recipe), resume=resume)
    if as_json:
        print_json(result)
        return
    for warning in result["warnings"]:
        standard_error().print(f"warning: {warning}", soft_wrap=True)
    if evaluate:
        printing.print_evaluation(standard_output(), result)
    else:
        printing.print_training(standard_output(), result, data)


def _typed() -> dict[str, str]:
    """Return the options that were typed, by the name of their parameter."""
    context = click.get_current_context()
    return {
        parameter.name: parameter.opts[0]
        for parameter in context.command.params
        if parameter.name and context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE
    }


def _check_no_training_flags() -> None:
    """Refuse flags that --evaluate would ignore."""
    flags = [flag for name, flag in _typed().items() if name not in OF_EVALUATION]
    if flags:
        raise UsageProblemError(f"--evaluate does not train the file; leave out {', '.join(flags)}")


def _without_effect(recipe: TrainingRecipe, *, evaluate: bool) -> Iterator[str]:
    """Yield a sentence for every typed option that changes nothing."""
    from training.preflight import has_validation

    typed = _typed()
    if not recipe.compression.requested:
        for name in ("stage_epochs", "stage_learning_rate"):
            if name in typed:
                yield f"{typed[name]} has no effect without --prune-channels, --prune, --cluster or --qat"
    if "patience" in typed and not evaluate and recipe.patience >= recipe.epochs:
        yield f"--patience {recipe.patience} has no effect on {recipe.epochs} epochs"
    if "validation" in typed and has_validation(recipe.data):
        yield f"--validation has no effect: {recipe.data} has a folder of photos for validation"
