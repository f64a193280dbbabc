"""Run the streaming form of a model over whole sequences, compare it with the model, and collect its steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from calibration.samples import Array, Samples
from export.metrics import compare
from export.model import signature
from export.model.streaming.step_model import Call, StepModel, refused

if TYPE_CHECKING:
    import keras

# As for passes that preserve the outputs: float rounding stays above, another computation does not.
EXACT_DB = 70.0
CHECKED = 4  # sequences


def check(stream: StepModel, sequences: Samples) -> None:
    """Check that every operation gives the same on one step after the other as on whole sequences.

    Raises:
        UsageProblemError: one does not; it is named.
    """
    import keras

    few = sequences.take(np.arange(min(CHECKED, len(sequences))))
    pairs = [(whole, step) for whole, step in stream.calls if _is_float(whole)]
    given = [few.inputs[spec.name] for spec in signature.inputs(stream.whole)]
    whole = keras.Model(stream.whole.input, [tensor for call, _ in pairs for tensor in call.tensors])
    expected = [np.asarray(one) for one in keras.tree.flatten(whole(given[0] if len(given) == 1 else given))]
    count = len(stream.model.outputs) - len(stream.state)
    watched = keras.Model(
        stream.model.inputs,
        [*stream.model.outputs[count:], *(tensor for _, call in pairs for tensor in call.tensors)],
    )
    found = list(_run(watched, stream, few, lambda outputs: outputs[: len(stream.state)]))
    operations = [call.operation for call, _ in pairs for _ in call.tensors]
    for place, (operation, reference) in enumerate(zip(operations, expected, strict=True)):
        steps = [np.asarray(outputs[len(stream.state) + place]) for _, outputs in found]
        _check_operation(operation, reference, steps)


def _check_operation(operation: Any, reference: Array, steps: list[Array]) -> None:
    """Compare an operation's output on whole sequences with its outputs on every step, or on the last."""
    if reference.shape == (steps[0].shape[0], len(steps), *steps[0].shape[2:]) and steps[0].shape[1:2] == (1,):
        actual = np.concatenate(steps, axis=1)
    elif reference.shape == steps[-1].shape:
        actual = steps[-1]
    else:
        raise refused(operation, "reads several steps at once")
    same = compare(reference=reference, actual=actual).sqnr_db > EXACT_DB if reference.any() else not actual.any()
    if not same:
        raise refused(operation, "reads several steps at once")


def _is_float(call: Call) -> bool:
    return all(str(tensor.dtype).startswith("float") for tensor in call.tensors)


def rows(stream: StepModel, sequences: Samples, count: int, seed: int) -> Samples:
    """Return `count` random steps of the sequences as samples of the step model, each with the state before it."""
    generator = np.random.default_rng(seed)
    total = len(sequences) * stream.steps
    chosen = np.sort(generator.choice(total, min(count, total), replace=False))
    parts: dict[str, list[Array]] = {}
    split = len(stream.state)
    for number, (inputs, _) in enumerate(_run(stream.model, stream, sequences, lambda outputs: outputs[-split:])):
        mine = chosen[chosen % stream.steps == number] // stream.steps
        for name, values in inputs.items():
            parts.setdefault(name, []).append(values[mine])
    mixed = generator.permutation(len(chosen))  # some readers take the first samples only
    return Samples(
        inputs={name: np.concatenate(found)[mixed] for name, found in parts.items()},
        source=f"steps of {sequences.source}",
        seed=sequences.seed,
        real=sequences.real,
        warnings=sequences.warnings,
    )


def _run(
    model: keras.Model, stream: StepModel, sequences: Samples, states_of: Callable[[list[Any]], list[Any]]
) -> Iterator[tuple[Mapping[str, Array], list[Any]]]:
    """Yield the inputs and the outputs of every step, for all sequences at once, from a state of zeros."""
    import keras
    import tensorflow as tf

    compiled = tf.function(lambda *given: keras.tree.flatten(model(list(given), training=False)))
    specs = signature.inputs(model)
    shapes = {spec.name: (len(sequences), *spec.shape[1:]) for spec in specs if spec.name in stream.state}
    states = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    _check_runs(stream, sequences, states)
    for number in range(stream.steps):
        inputs = {
            name: np.asarray(values[:, number : number + 1] if name in stream.series else values)
            for name, values in sequences.inputs.items()
        } | states
        outputs = compiled(*(tf.constant(inputs[spec.name]) for spec in specs))
        yield inputs, outputs
        states = {name: np.asarray(state) for name, state in zip(stream.state, states_of(outputs), strict=True)}


def _check_runs(stream: StepModel, sequences: Samples, states: Mapping[str, Array]) -> None:
    """Run the first step, operation by operation.

    Raises:
        UsageProblemError: an operation was built for one step, but cannot compute it.
    """
    import keras
    import tensorflow as tf

    first = {
        name: np.asarray(values[:1, :1] if name in stream.series else values[:1])
        for name, values in sequences.inputs.items()
    } | {name: values[:1] for name, values in states.items()}
    given = [tf.constant(first[spec.name]) for spec in signature.inputs(stream.model)]
    try:
        stream.model(given, training=False)
    except (tf.errors.OpError, ValueError):
        for _, call in stream.calls:
            try:
                keras.Model(stream.model.inputs, list(call.tensors))(given)
            except (tf.errors.OpError, ValueError) as error:
                raise refused(call.operation, "cannot compute a single step") from error
        raise
