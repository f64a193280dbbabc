"""The classes of tensorflow-model-optimization that a model file may name, and whether it names one."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from export.model.loading.keras2.configuration import mappings

_CORE = "tensorflow_model_optimization.python.core."
_QUANTIZATION = f"{_CORE}quantization.keras."
_EIGHT_BITS = f"{_QUANTIZATION}default_8bit.default_8bit_quantize_"
_FEW_BITS = f"{_QUANTIZATION}experimental.default_n_bit.default_n_bit_quantize_"
_MODULES: Mapping[str, tuple[str, ...]] = {
    f"{_CORE}sparsity.keras.pruning_wrapper": ("PruneLowMagnitude",),
    f"{_CORE}sparsity.keras.pruning_schedule": ("ConstantSparsity", "PolynomialDecay"),
    f"{_CORE}clustering.keras.cluster_wrapper": ("ClusterWeights", "ClusterWeightsRNN", "ClusterWeightsMHA"),
    f"{_QUANTIZATION}quantize_annotate": ("QuantizeAnnotate",),
    f"{_QUANTIZATION}quantize_wrapper": ("QuantizeWrapper", "QuantizeWrapperV2"),
    f"{_QUANTIZATION}quantize_layer": ("QuantizeLayer",),
    f"{_QUANTIZATION}quantize_aware_activation": ("QuantizeAwareActivation", "NoOpActivation"),
    f"{_QUANTIZATION}quantize_config": ("OutputOnlyConfig", "FixedQuantizeConfig"),
    f"{_QUANTIZATION}quantizers": (
        "AllValuesQuantizer",
        "FixedQuantizer",
        "LastValueQuantizer",
        "MovingAverageQuantizer",
        "NoQuantizer",
    ),
    f"{_EIGHT_BITS}configs": ("NoOpQuantizeConfig", "Default8BitOutputQuantizeConfig"),
    f"{_EIGHT_BITS}registry": (
        "Default8BitQuantizeConfig",
        "Default8BitQuantizeConfigRNN",
        "Default8BitActivationQuantizeConfig",
        "Default8BitConvQuantizeConfig",
        "Default8BitConvTransposeQuantizeConfig",
    ),
    f"{_FEW_BITS}configs": ("DefaultNBitOutputQuantizeConfig",),
    f"{_FEW_BITS}registry": (
        "DefaultNBitQuantizeConfig",
        "DefaultNBitQuantizeConfigRNN",
        "DefaultNBitActivationQuantizeConfig",
        "DefaultNBitConvQuantizeConfig",
        "DefaultNBitConvTransposeQuantizeConfig",
    ),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def is_known(kind: Any, module: str) -> bool:
    """Return whether the library has the class `kind` in exactly this module."""
    return _MODULE_OF.get(kind) == module


def is_wrapped(config: Any) -> bool:
    """Return whether a model's configuration names a class of the library."""
    return any(
        isinstance(part.get("class_name"), str) and part["class_name"] in _MODULE_OF for part in mappings(config)
    )


def classes() -> Mapping[str, Any]:
    """Return the classes by name."""
    return {name: getattr(import_module(module), name) for name, module in _MODULE_OF.items()}


def is_of_library(value: Any) -> bool:
    """Return whether the class of a value, or a base of it, is one of the library; imports nothing."""
    return any(base.__module__.startswith(_CORE) for base in type(value).__mro__)
