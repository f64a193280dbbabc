"""Functions of TensorFlow that Keras 2 stores in models (`x * 2`, `tf.nn.relu(x)`), as operations of Keras 3."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from export.model.loading.keras2.errors import ConversionError

# Keras 2 stores such a function by its public name in TensorFlow. A file that names another one is refused before it
# is loaded, because tf_keras would call the function: `io.write_file`, for example.
_BINARY = {
    "add": ("__operators__.add", "math.add"),
    "subtract": ("__operators__.sub", "math.subtract"),
    "multiply": ("__operators__.mul", "math.multiply"),
    "true_divide": ("__operators__.truediv", "math.truediv", "math.divide", "compat.v1.div", "realdiv"),
    "maximum": ("math.maximum",),
    "minimum": ("math.minimum",),
    "power": ("math.pow", "__operators__.pow"),
    "matmul": ("linalg.matmul", "__operators__.matmul"),
    "floor_divide": ("math.floordiv", "__operators__.floordiv"),
    "greater": ("math.greater", "__operators__.gt"),
    "less": ("math.less", "__operators__.lt"),
}
_UNARY = {
    "abs": ("math.abs",),
    "exp": ("math.exp",),
    "log": ("math.log",),
    "negative": ("math.negative", "__operators__.neg"),
    "rsqrt": ("math.rsqrt",),
    "sigmoid": ("math.sigmoid", "nn.sigmoid"),
    "sqrt": ("math.sqrt",),
    "square": ("math.square",),
    "tanh": ("math.tanh", "nn.tanh"),
    "relu": ("nn.relu",),
    "relu6": ("nn.relu6",),
    "silu": ("nn.silu", "nn.swish"),
    "softplus": ("math.softplus", "nn.softplus"),
    "elu": ("nn.elu",),
    "selu": ("nn.selu",),
    "floor": ("math.floor",),
    "round": ("math.round",),
    "sin": ("math.sin",),
    "cos": ("math.cos",),
    "sign": ("math.sign",),
}
_REDUCTIONS = {
    "mean": ("math.reduce_mean",),
    "max": ("math.reduce_max",),
    "min": ("math.reduce_min",),
    "sum": ("math.reduce_sum",),
    "prod": ("math.reduce_prod",),
}


def operators() -> Mapping[str, Callable[..., Any]]:
    """Return the Keras 3 equivalents by the TensorFlow name, with TensorFlow's arguments."""
    from keras import ops

    found: dict[str, Callable[..., Any]] = dict(_shaping())
    for table, wrap in ((_BINARY, _binary), (_UNARY, _unary), (_REDUCTIONS, _reduction)):
        for name, symbols in table.items():
            found |= dict.fromkeys(symbols, wrap(getattr(ops, name)))
    return found


def operator(symbol: str, layer: str) -> Callable[..., Any]:
    """Return the equivalent of a TensorFlow function that the layer `layer` calls.

    Raises:
        ConversionError: there is none.
    """
    found = operators().get(symbol)
    if found is None:
        raise ConversionError(f"the layer {layer} calls tf.{symbol}, which has no equivalent in Keras 3")
    return found


def _binary(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(x: Any = None, y: Any = None, *, a: Any = None, b: Any = None, name: str | None = None) -> Any:
        return function(a if x is None else x, b if y is None else y)  # `a` and `b` are the arguments of tf.matmul

    return call


def _unary(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, name=None: function(x)


def _reduction(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, axis=None, keepdims=False, name=None: function(x, axis=_plain(axis), keepdims=keepdims)


def _shaping() -> Mapping[str, Callable[..., Any]]:
    """Return the functions that move, select or join numbers."""
    from keras import ops

    return {
        "__operators__.getitem": lambda x, slice_spec: x[_slices(slice_spec)],
        "argmax": lambda x, axis=-1, **_: ops.argmax(x, axis=axis),
        "cast": lambda x, dtype, name=None: ops.cast(x, getattr(dtype, "name", dtype)),
        "clip_by_value": lambda x, clip_value_min, clip_value_max, name=None: ops.clip(
            x, clip_value_min, clip_value_max
        ),
        "concat": lambda values, axis, name=None: ops.concatenate(values, axis=axis),
        "expand_dims": lambda x, axis=-1, name=None: ops.expand_dims(x, axis),
        "identity": lambda x, name=None: x,
        "math.l2_normalize": _l2_normalize,
        "nn.gelu": lambda x, approximate=False, name=None: ops.gelu(x, approximate=approximate),
        "nn.l2_normalize": _l2_normalize,
        "nn.leaky_relu": lambda x, alpha=0.2, name=None: ops.leaky_relu(x, negative_slope=alpha),
        "nn.softmax": lambda x, axis=-1, name=None: ops.softmax(x, axis=axis),
        "reshape": lambda x, shape, name=None: ops.reshape(x, _plain(shape)),
        "squeeze": lambda x, axis=None, name=None: ops.squeeze(x, axis=_plain(axis)),
        "stack": lambda values, axis=0, name=None: ops.stack(values, axis=axis),
        "transpose": _transpose,
        "compat.v1.transpose": _transpose,
        "where": lambda condition, x, y, name=None: ops.where(condition, x, y),
    }


def _transpose(x: Any, perm: Sequence[int] | None = None, name: str | None = None, conjugate: bool = False) -> Any:
    from keras import ops

    return ops.transpose(x, axes=_plain(perm))


def _l2_normalize(x: Any, axis: Any = None, epsilon: float = 1e-12, name: str | None = None) -> Any:
    from keras import ops

    total = ops.sum(ops.square(x), axis=_plain(axis), keepdims=True)
    return x * ops.rsqrt(ops.maximum(total, epsilon))


def _plain(value: Any) -> Any:
    """Return an axis or a shape as numbers of Python."""
    if hasattr(value, "numpy"):
        value = value.numpy().tolist()
    if isinstance(value, list | tuple):
        return tuple(int(one) for one in value)
    return value


def _slices(key: Any) -> Any:
    """Return an index with the slices that Keras 2 stores as dictionaries."""
    if isinstance(key, list | tuple):
        return tuple(_slices(one) for one in key)
    if isinstance(key, dict) and {"start", "stop", "step"} <= set(key):
        return slice(key["start"], key["stop"], key["step"])
    return ... if key == "..." else key
