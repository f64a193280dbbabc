"""Run the model on photos, .wav files or texts, and print its predictions."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zoo.errors import UsageProblemError, ZooError

from . import session
from .inputs import from_photo, from_sound, from_text, open_photo
from .model import Array, Model, ModelFile, load, positive
from .predictions import lines
from .texts import continued, hidden_tokens

EMBEDDING, MASKED = "embedding", "masked language modelling"


def main(folder: Path) -> int:
    """Run the command; return its exit code: 0, or 2 for a mistake."""
    parser = argparse.ArgumentParser(prog="run.py", description=__doc__)
    parser.add_argument(
        "inputs", nargs="+", metavar="PHOTO", help='paths of photos or .wav files, or a text: "some words"'
    )
    parser.add_argument("--file", help="name of the model file (default: the first that a runtime here can run)")
    parser.add_argument("--threads", type=positive, default=1, help="threads of the runtime (default: 1)")
    parser.add_argument("--tokens", type=positive, default=40, help="most new tokens behind a text (default: 40)")
    arguments = parser.parse_args()
    try:
        model = load(folder)
        file = choose(model, arguments.file)
        decoder = session.open_decoder(file, arguments.threads)
        if decoder is not None:
            for text in arguments.inputs:
                print(f"{text}\n  {continued(model, file, decoder, text, arguments.tokens)}")
            return 0
        opened = session.open_file(file, arguments.threads)
        if model.task == EMBEDDING and model.photo_input is None:
            print_similarities(model, file, opened, arguments.inputs)
            return 0
        for given in arguments.inputs:
            print_predictions(model, file, opened, given)
    except ZooError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def choose(model: Model, name: str | None) -> ModelFile:
    """Return the file of that name, or the first that an installed runtime runs.

    Raises:
        UsageProblemError: there is none.
    """
    if name is not None:
        for file in model.files:
            if file.path.name == name:
                file.check_content()
                return file
        raise UsageProblemError(f"there is no {name}; type one of {', '.join(one.path.name for one in model.files)}")
    chosen = next((file for file in model.files if session.runtime(file)), model.files[0])
    chosen.check_content()
    return chosen


def real_outputs(file: ModelFile, opened: session.Session, inputs: dict[str, Array]) -> dict[str, NDArray[np.float64]]:
    """Return the outputs (1, ...) of a loaded file as real numbers, by name."""
    stored = opened.run(inputs)
    return {one.name: one.real(stored[one.name]) for one in file.outputs}


def print_predictions(model: Model, file: ModelFile, opened: session.Session, given: str) -> None:
    """Print the predictions for a photo, a sound or a text."""
    print(f"{given}:")
    if model.photo_input is not None:
        photo = open_photo(Path(given))
        found = lines(model, real_outputs(file, opened, from_photo(model, file, photo)), photo.size)
    elif model.hears_sounds:
        found = lines(model, real_outputs(file, opened, from_sound(model, file, Path(given))))
    else:
        inputs = from_text(model, file, given)
        outputs = real_outputs(file, opened, inputs)
        found = hidden_tokens(model, inputs, outputs) if model.task == MASKED else lines(model, outputs)
    for line in found:
        print(f"  {line}")


def print_similarities(model: Model, file: ModelFile, opened: session.Session, texts: list[str]) -> None:
    """Print the first numbers of the vector of each text, and how alike it is to the first text."""
    first = None
    for text in texts:
        ((name, values),) = real_outputs(file, opened, from_text(model, file, text)).items()
        unit = values[0] / np.linalg.norm(values[0])
        first = unit if first is None else first
        (line,) = lines(model, {name: values})
        print(f"{text}:\n  cosine with the first text {float(first @ unit):.3f}\n  {line}")
