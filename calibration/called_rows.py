"""Rows of inputs with targets from a function of the user, for `--evaluate`."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from calibration.inputs import InputSpec
from calibration.samples import Array
from calibration.sources import function
from zoo.errors import UsageProblemError

# A function that yields still more is probably endless; a single batch may be larger.
MOST_SAMPLES = 100_000


def called(
    source: str, inputs: Mapping[str, InputSpec], outputs: Collection[str]
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Return the rows (N, ...) of every input and of the targets that `module:function` yields.

    Raises:
        UsageProblemError: there is no such function, it fails, yields too much or nothing, or no pairs of inputs and
            targets.
    """
    made = function.imported(source, "--evaluate")
    with function.blamed(source):
        result = made()
    rows: list[dict[str, Array]] = []
    targets: list[dict[str, Array]] = []
    count = 0
    for item in function.items(source, result):
        if count >= MOST_SAMPLES:
            raise UsageProblemError(
                f"{source} yields more than {MOST_SAMPLES:,} samples; end it earlier, for example with itertools.islice"
            )
        with function.blamed(source):
            values, wanted = _batch(source, item, inputs, outputs)
        count += len(next(iter(values.values())))
        rows.append(values)
        targets.append(wanted)
    if not rows:
        raise UsageProblemError(f"{source} yielded no sample")
    return _joined(source, rows), _joined(source, targets)


def _batch(
    source: str, item: object, inputs: Mapping[str, InputSpec], outputs: Collection[str]
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Return inputs and targets of one item with a batch axis."""
    if not isinstance(item, (list, tuple)) or len(item) != 2:
        raise UsageProblemError(f"{source} must yield pairs of inputs and targets")
    values = function.by_name(source, item[0], inputs)
    wanted = {key: np.asarray(value) for key, value in _by_output(source, item[1], outputs).items()}
    batches = [value.ndim == len(inputs[key].shape) + 1 for key, value in values.items()]
    if not any(batches):
        return {key: value[None] for key, value in values.items()}, {key: value[None] for key, value in wanted.items()}
    counts = {key: len(value) if value.ndim else 0 for key, value in (*values.items(), *wanted.items())}
    if not all(batches) or len(set(counts.values())) > 1:
        listed = ", ".join(f"{key}: {count}" for key, count in counts.items())
        raise UsageProblemError(f"{source} yields a batch with different numbers of inputs and targets ({listed})")
    return values, wanted


def _by_output(source: str, given: object, outputs: Collection[str]) -> Mapping[str, object]:
    """Return targets by output; a tuple for several outputs holds None where there are none."""
    if isinstance(given, Mapping):
        return given
    if len(outputs) == 1:
        return {next(iter(outputs)): given}
    if not isinstance(given, (list, tuple)) or len(given) != len(outputs):
        raise UsageProblemError(f"{source} must yield targets as a dict or a tuple for {', '.join(outputs)}")
    return {output: value for output, value in zip(outputs, given, strict=True) if value is not None}


def _joined(source: str, parts: list[dict[str, Array]]) -> dict[str, Array]:
    try:
        return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    except (KeyError, ValueError) as error:
        raise UsageProblemError(f"{source} yields samples that do not fit together: {error}") from None
