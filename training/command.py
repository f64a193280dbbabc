"""`zoo train NAME --data photos/`: a network of the zoo learns your photos."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from export.cli.commands.export import chosen_passes, option
from export.cli.console import print_json, standard_error, standard_output
from zoo.errors import UsageProblemError


@click.command()
@click.argument("name", metavar="NAME|FILE.keras")
@click.option(
    "--data",
    required=True,
    metavar="FOLDER|FILE.csv|NAME",
    help="FOLDER/CLASS/photo.jpg, a CSV with file,class, or mnist, fashion_mnist, cifar10.",
)
@click.option("--out", metavar="FILE.keras", type=click.Path(path_type=Path), help="NAME.keras if not given.")
@click.option("--epochs", type=click.IntRange(min=0), help="In all; 10, or 0 where a FILE.keras loses something.")
@click.option("--head-epochs", type=int, help="Of them with only the new layers learning; a third if not given.")
@click.option("--batch", default=32, show_default=True, type=click.IntRange(min=1), help="Photos in a step.")
@click.option("--devices", metavar="N|all|cpu:N", help="Share every step among N GPUs, or among N parts of the cores.")
@click.option(
    "--learning-rate",
    type=click.FloatRange(min=0, min_open=True),
    help="At its highest; 3e-5, or 2e-3 from random weights.",
)
@click.option("--validation", default=0.2, show_default=True, help="Share of the photos that judge and teach nothing.")
@click.option(
    "--patience",
    default=5,
    show_default=True,
    type=click.IntRange(min=1),
    help="Epochs without progress after which to stop.",
)
@click.option("--weights", metavar="TAG|FILE|random", help="What to begin with; the trained ones if not given.")
@click.option(
    "--set", "settings", metavar="KEY=VALUE", multiple=True, help="An option of the network, as of zoo export."
)
@click.option(
    "--preprocessing", metavar="NAME", help="Of a .keras file that does not say it: unit, tf, torch, caffe, raw."
)
@click.option("--prune-channels", metavar="SHARE", help="Then remove that share of every layer's channels.")
@click.option("--prune", metavar="SHARE|N:M", help="Then make weights zero: 0.5, or 2:4 for 2 of every 4.")
@click.option("--cluster", type=int, metavar="COUNT", help="Then leave every layer so many different weights: 32.")
@click.option("--qat", is_flag=True, help="Then learn with 8-bit weights and activations.")
@click.option("--stage-epochs", default=4, show_default=True, type=click.IntRange(min=1), help="Of each of these four.")
@click.option(
    "--stage-learning-rate",
    default=3e-4,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    help="At its highest, in each of these.",
)
@click.option("--no-augment", is_flag=True, help="Show every photo as it is, in every epoch.")
@click.option("--seed", default=0, show_default=True, help="Of every random choice.")
@click.option("--resume", is_flag=True, help="Go on with the run that was stopped.")
@click.option("--evaluate", is_flag=True, help="Learn nothing; judge a .keras file on these photos.")
@click.option("--json", "as_json", is_flag=True, help="Print the facts for programs.")
def command(name: str, data: str, out: Path | None, settings: tuple[str, ...], **options: Any) -> None:
    """Train a network on your photos: its head first, then all of it.

    Then it can lose channels, weights, different weights and bits, in this order, and learn to do without: a trained
    FILE.keras loses them at once, and learns nothing else unless --epochs says so.
    """
    from export.cli.progress_bar import ProgressBar
    from export.model.subject import is_model_file
    from export.runtime import background
    from training import job, printing
    from training.recipe import Slimming, TrainingRecipe, record

    as_json, resume, plain, evaluate = (options.pop(key) for key in ("as_json", "resume", "no_augment", "evaluate"))
    slimming = Slimming(
        passes=chosen_passes(options),
        clusters=options.pop("cluster"),
        qat=options.pop("qat"),
        epochs=options.pop("stage_epochs"),
        learning_rate=options.pop("stage_learning_rate"),
    )
    is_file, epochs = is_model_file(name), options.pop("epochs")
    recipe = TrainingRecipe(
        model=name,
        data=data,
        out=out or Path(f"{Path(name).stem}-trained.keras" if is_file else f"{name}.keras"),
        epochs=epochs if epochs is not None else 0 if is_file and slimming.asked else 10,
        options=dict(option(text) for text in settings),
        augment=not plain,
        slimming=slimming,
        **options,
    )
    if evaluate:
        _check_alone(
            resume=resume, epochs=epochs, weights=recipe.weights, **{"prune, --cluster or --qat": slimming.asked}
        )
    with ProgressBar(standard_error()) as progress:
        if evaluate:
            answer = background.start(job.evaluate, progress, recipe=record(recipe))
        else:
            answer = background.start(job.train, progress, recipe=record(recipe), resume=resume)
    if as_json:
        print_json(answer)
        return
    for warning in answer["warnings"]:
        standard_error().print(f"warning: {warning}", soft_wrap=True)
    if evaluate:
        printing.judged(standard_output(), answer)
    else:
        printing.trained(standard_output(), answer, data)


def _check_alone(**asked: Any) -> None:
    """Refuse what --evaluate would pass over."""
    flag = next((flag for flag, value in asked.items() if value not in (None, False)), None)
    if flag:
        raise UsageProblemError(f"--evaluate judges the file as it is, and learns nothing; leave out --{flag}")
