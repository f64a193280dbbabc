"""Choose the samples of an export: calibration samples for the ranges, and probe samples for the proof."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import calibration.sources
from calibration.inputs import InputSpec
from calibration.sources.arrays import row_count
from calibration.sources.synthetic import NAME as SYNTHETIC
from calibration.sources.synthetic import Maker
from calibration.store import Draw
from export.model import entries, signature
from export.model.subject import Subject
from export.progress import Progress, Quiet
from export.quantization import synthesis
from export.recipe import Recipe
from zoo.inputs import Input, TokenMask, Tokens, tokenizer_of

# Samples of the proof. With random weights only parity is checked, for which fewer are enough.
PROBES, UNTRAINED_PROBES = 64, 16

# Rows of a user's array beyond those that calibrate are all used, if a sample costs milliseconds: the more there are,
# the less the SQNR of the proof differs from that of other rows.
MOST_PROBES, SMALL_MODEL_WEIGHTS = 256, 1_000_000

# The outputs of the model and of every file are in memory at once. The logits of a text of 64 tokens have 8 MB.
MOST_OUTPUT_BYTES, FEWEST_PROBES = 110_000_000, 8


def draw(
    subject: Subject,
    recipe: Recipe,
    work: Path,
    function: Callable[[], Any] | None = None,
    progress: Progress | None = None,
) -> Draw:
    """Return calibration and probe samples for the subject, without a sample in common."""
    contracts = entries.contracts(subject)
    inputs = {
        spec.name: InputSpec(
            shape=spec.shape[1:],
            dtype=spec.dtype,
            meaning=_meaning(contracts.get(spec.name)),
            texts=subject.texts.get(spec.name),
            takes_bytes=spec.name in subject.byte_inputs,
        )
        for spec in entries.inputs(subject)
    }
    drawn = calibration.sources.draw(
        recipe.calibration,
        inputs=inputs,
        contracts=contracts,
        calibration_count=recipe.calibration_count,
        probe_count=recipe.probe_count or _probe_count(subject, recipe),
        seed=recipe.seed,
        work=work,
        random_calibration=recipe.random_calibration,
        function=function,
        maker=_maker(subject, recipe, progress or Quiet()) if function is None else None,
        companions=subject.companions,
    )
    drawn = _with_padding(contracts, drawn)
    return _with_state(subject, drawn) if entries.state(subject) else drawn


def for_untrained(recipe: Recipe, subject: Subject) -> Recipe:
    """Return the recipe with random tokens where no text means anything: random weights and no known tokenizer."""
    contracts = entries.contracts(subject)
    has_texts = tokenizer_of(contracts) in subject.companions
    if subject.weights.trained or recipe.calibration is not None or recipe.budget.is_asked or has_texts:
        return recipe
    reads_tokens = any(isinstance(one, Tokens) for one in contracts.values())
    return replace(recipe, random_calibration=True) if reads_tokens else recipe


def _probe_count(subject: Subject, recipe: Recipe) -> int:
    most = max(FEWEST_PROBES, MOST_OUTPUT_BYTES // _output_bytes(subject))
    if not subject.weights.trained:
        return min(most, UNTRAINED_PROBES)
    path = Path(recipe.calibration or "").expanduser()
    is_small = subject.model.count_params() <= SMALL_MODEL_WEIGHTS
    rows = row_count(path) if is_small and path.suffix in (".npz", ".npy") else 0
    return min(most, max(rows - recipe.calibration_count, PROBES), MOST_PROBES)


def _output_bytes(subject: Subject) -> int:
    """Return the size of all outputs for one sample, as far as their shapes are known."""
    specs = [spec for point in entries.entry_points(subject).values() for spec in signature.outputs(point.model)]
    return 4 * max(1, sum(math.prod(size or 1 for size in spec.shape) for spec in specs))


def _meaning(contract: Input | None) -> str:
    """Return what messages say about an input beside its shape."""
    return contract.describe() if isinstance(contract, Tokens) else ""


def _with_padding(contracts: Mapping[str, Input], drawn: Draw) -> Draw:
    """Return samples in whose proof every mask hides something: a file that ignores a mask of ones would pass.

    Where the texts are all as long as the input, the second half of the last one is hidden.
    """
    hidden: dict[str, Any] = {}
    for name, values in drawn.probe.inputs.items():
        if isinstance(contracts.get(name), TokenMask) and (np.asarray(values) != 0).all():
            hidden[name] = np.array(values)
            hidden[name][-1, values.shape[1] // 2 :] = 0
    if not hidden:
        return drawn
    probe = drawn.probe.with_inputs({**drawn.probe.inputs, **hidden})
    return replace(drawn, probe=probe.save(drawn.probe_folder))


def _with_state(subject: Subject, drawn: Draw) -> Draw:
    """Return samples whose states are the outputs of the entry points that produce them."""
    return replace(
        drawn,
        calibration=entries.with_state(subject, drawn.calibration).save(drawn.calibration_folder),
        probe=entries.with_state(subject, drawn.probe).save(drawn.probe_folder),
    )


def _maker(subject: Subject, recipe: Recipe, progress: Progress) -> Maker | None:
    """Return the generator of synthetic images if the recipe calibrates with them."""
    if recipe.calibration != SYNTHETIC:
        return None
    return partial(synthesis.images, subject.model, seed=recipe.seed, progress=progress)
