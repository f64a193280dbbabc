"""Build the streaming form of a model: one step of a sequence and the state before it in, the state behind it out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from export.errors import PassRefusedError
from export.model import signature
from export.model.graph import copy, functional, with_output_names
from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    import keras

STREAMED = "recurrent layers that run forward, causal convolutions without strides, and layers that act on every step"


@dataclass(frozen=True)
class Call:
    """A call of an operation, in the model of whole sequences or of one step."""

    operation: Any
    tensors: tuple[Any, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class StepModel:
    """A model of one step.

    Attributes:
        model: reads one step of the original's inputs and the states, and returns its outputs and the new states.
        whole: the original, without nested models.
        state: the output that holds the new state, by the name of the input that holds the old one.
        series: names of the inputs that have steps.
        steps: number of steps of the original.
        calls: the calls of operations in both, pairwise.
    """

    model: keras.Model
    whole: keras.Model
    state: Mapping[str, str]
    series: tuple[str, ...]
    steps: int
    calls: tuple[tuple[Call, Call], ...]


def step_model(model: keras.Model) -> StepModel:
    """Return the streaming form of a model, whose outputs are yet to be compared with the original's.

    Raises:
        UsageProblemError: the model has no state, or a layer needs several steps at once.
    """
    import keras

    try:
        whole, _ = copy(model, lambda layer: None)
    except PassRefusedError as error:
        raise UsageProblemError(f"--streaming: {error}") from error
    calls = _calls_of(whole, _inputs(whole), lambda operation, *given, **settings: operation(*given, **settings))
    series, steps = _series(whole)
    building = _Building(steps)
    inputs = _inputs(whole, frozenset(series))
    stepped = _calls_of(whole, inputs, building.called)
    step = keras.Model(
        [*keras.tree.flatten(inputs), *building.before.values()],
        [*keras.tree.flatten(stepped.outputs), *building.after.values()],
        name=model.name,
    )
    return StepModel(
        model=with_output_names(step, [*signature.names(whole)[1], *building.after]),
        whole=whole,
        state=dict(zip(building.before, building.after, strict=True)),
        series=series,
        steps=steps,
        calls=tuple(zip(calls.calls, stepped.calls, strict=True)),
    )


@dataclass(frozen=True)
class _Replayed:
    outputs: Any
    calls: Sequence[Call]


def _calls_of(model: keras.Model, inputs: Any, call: Callable[..., Any]) -> _Replayed:
    """Return the outputs of a model's operations on other inputs, each called by `call`."""
    import keras

    calls: list[Call] = []

    def called(operation: Any, *given: Any, **settings: Any) -> Any:
        found = call(operation, *given, **settings)
        calls.append(Call(operation, tuple(keras.tree.flatten(found))))
        return found

    outputs = model._run_through_graph(inputs, operation_fn=lambda operation: operation, call_fn=called)
    return _Replayed(outputs, calls)


def _inputs(model: keras.Model, series: frozenset[str] | None = None) -> Any:
    """Return the model's inputs, those of the names `series` with a single step."""
    import keras

    if series is None:
        return model.input

    def new(tensor: Any) -> Any:
        name, shape = tensor._keras_history.operation.name, tensor.shape
        shape = (shape[0], 1, *shape[2:]) if name in series else shape
        return keras.Input(batch_shape=shape, dtype=tensor.dtype, name=name)

    return keras.tree.map_structure(new, model.input)


def _series(model: keras.Model) -> tuple[tuple[str, ...], int]:
    """Return the names of the inputs that the layers with a state read, and their number of steps."""
    found: dict[str, int] = {}
    for layers in functional(model)._nodes_by_depth.values():
        for node in layers:
            if not node.is_input and has_state(node.operation):
                found |= {one._keras_history.operation.name: one.shape[1] for one in _sources(node.input_tensors[0])}
    if not found:
        raise UsageProblemError(f"--streaming: the model has no layer with a state; {STREAMED} can be streamed")
    names = [spec.name for spec in signature.inputs(model) if spec.name in found]
    if len({found[name] for name in names}) > 1:
        raise UsageProblemError(f"--streaming: the inputs {', '.join(names)} have different numbers of steps")
    return tuple(names), found[names[0]]


def _sources(tensor: Any) -> list[Any]:
    """Return the inputs of the model that a tensor is computed from."""
    waiting, seen, found = [tensor], set(), []
    while waiting:
        one = waiting.pop()
        node = one._keras_history.operation._inbound_nodes[one._keras_history.node_index]
        if id(node) in seen:
            continue
        seen.add(id(node))
        if node.is_input:
            found.append(one)
        waiting += node.input_tensors
    return found


def has_state(operation: Any) -> bool:
    """Return whether an operation carries something from one step to the next."""
    import keras

    return isinstance(operation, keras.layers.RNN | keras.layers.Bidirectional) or _is_causal(operation)


def _is_causal(operation: Any) -> bool:
    return getattr(operation, "padding", None) == "causal" and _reach(operation) > 0


def _reach(layer: Any) -> int:
    """Return how many steps back a convolution over time looks."""
    return int((layer.kernel_size[0] - 1) * layer.dilation_rate[0])


@dataclass
class _Building:
    """The states of a step model under construction, by name: `before` are inputs, `after` are outputs."""

    steps: int
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)

    def called(self, operation: Any, *given: Any, **settings: Any) -> Any:
        import keras

        if isinstance(operation, keras.layers.RNN):
            return self._recurrent(operation, *given, **settings)
        if _is_causal(operation):
            return self._causal(operation, *given)
        if has_state(operation):
            raise refused(operation, "needs the steps that are yet to come")
        if isinstance(operation, keras.layers.Reshape) and operation.target_shape[0] == self.steps:
            operation = keras.layers.Reshape((1, *operation.target_shape[1:]))
        try:
            return operation(*given, **settings)
        except (ValueError, TypeError, RuntimeError) as error:
            raise refused(operation, "cannot compute a single step") from error

    def _recurrent(self, layer: Any, series: Any, **settings: Any) -> Any:
        import keras

        if layer.go_backwards:
            raise refused(layer, "runs backwards")
        if settings.pop("initial_state", None) is not None:
            raise refused(layer, "starts from a state that the model computes")
        config = {**layer.get_config(), "return_state": True, "stateful": False, "unroll": True}
        one = type(layer).from_config(config)
        _, *like = one(series)
        one.set_weights(layer.get_weights())
        flat = keras.tree.flatten(like)
        states = [self._state(layer, number, state.shape) for number, state in enumerate(flat)]
        result, *after = one(series, initial_state=keras.tree.pack_sequence_as(like, states), **settings)
        for number, state in enumerate(keras.tree.flatten(after)):
            self.after[f"{layer.name}_next_state{number}"] = state
        return [result, *after] if layer.return_state else result

    def _causal(self, layer: Any, series: Any) -> Any:
        import keras

        if tuple(layer.strides) != (1,):
            raise refused(layer, "skips steps")
        one = type(layer).from_config({**layer.get_config(), "padding": "valid"})
        reach = _reach(layer)
        before = self._state(layer, 0, (series.shape[0], reach, series.shape[2]))
        joined = keras.layers.Concatenate(axis=1)([before, series])
        result = one(joined)
        one.set_weights(layer.get_weights())
        self.after[f"{layer.name}_next_state0"] = joined[:, 1:]
        return result

    def _state(self, layer: Any, number: int, shape: Sequence[Any]) -> Any:
        import keras

        name = f"{layer.name}_state{number}"
        if name in self.before:
            raise refused(layer, "is called twice, and would need two states")
        self.before[name] = keras.Input(batch_shape=tuple(shape), name=name)
        return self.before[name]


def refused(operation: Any, reason: str) -> UsageProblemError:
    """Return the refusal that names a layer."""
    kind = type(operation).__name__
    return UsageProblemError(f"--streaming: {operation.name} ({kind}) {reason}; {STREAMED} can be streamed")
