"""The base of integer files, the same for all of them: a prepared model, its float file, its ranges."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from calibration import observers
from calibration.ranges import Ranges
from export import cache, passes
from export.errors import ConversionError, PassRefusedError
from export.formats import PRIMARY, Format
from export.model.model_digest import model_digest
from export.passes import integer_model, unroll
from export.passes.integer_model import Reconstruction
from export.progress import Counted
from export.quantization import clipping_choice, mixed_precision, ranges, sensitivity
from export.quantization.export_run import ExportRun
from export.quantization.memo import Memo
from export.quantization.ranges import Observation
from export.quantization.requested import formats
from export.quantization.tensor_map import Attribution, attributed, clippable, mapped
from export.recipe import Width
from export.runtime.file_content import FileContent
from export.scheme import FLOAT32, INT4, INT8, W8A32, Scheme
from zoo.errors import OutsideError, UsageProblemError

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True, eq=False)
class IntegerBase:
    """The float file that integer files are quantized from, with its model and ranges.

    Attributes:
        model: the model that the file was converted from: the original, or a reconstructed one.
        reconstruction: how the model was reconstructed, or why it was not.
        content: the float file, in the primary format.
        path: of the float file on disk.
        observation: of the activations; None if no scheme needs ranges or they cannot be observed.
        int8_ranges: of the activations of schemes with 8 bits, clipped or with headroom; wider activations keep the
            observed ranges.
        trouble: why the activations cannot be observed; empty otherwise.
        tensor_map: the layer whose output each tensor is; empty if no part of the recipe needs it.
        with_loops: the base of the files that store no ranges, if the model of this one is unrolled; otherwise None.
        others: the float files of `model` in the other formats, where they are not derived from the primary one: of a
            decoder, whose form of cache is another, and for weights of 4 bits.
    """

    model: keras.Model
    reconstruction: Reconstruction
    content: FileContent
    path: Path
    observation: Observation | None = None
    int8_ranges: Ranges | None = None
    trouble: str = ""
    tensor_map: Mapping[str, Attribution] = field(default_factory=dict)
    with_loops: IntegerBase | None = None
    others: Mapping[str, FileContent] = field(default_factory=dict)

    @property
    def is_reconstructed(self) -> bool:
        """Whether the model's weights were reconstructed."""
        return self.reconstruction.model is not None

    def ranges(self, scheme: Scheme, raised: Collection[str] = ()) -> Ranges:
        """Return the ranges of a file's activations; the tensors `raised` have more than 8 bits and are not clipped.

        Raises:
            ConversionError: the activations could not be observed.
        """
        if self.observation is None:
            raise ConversionError(self.trouble)
        observed = self.observation.ranges
        if scheme.activation_bits != 8 or self.int8_ranges is None:
            return observed
        whole = {name: observed.by_tensor[name] for name in raised}
        return replace(self.int8_ranges, by_tensor={**self.int8_ranges.by_tensor, **whole})


@dataclass(frozen=True)
class NoBase:
    """The reason why integer files cannot be built."""

    reason: str


# By weight bits, because weights rounded to 8 bits first are not rounded to 4 bits well.
Bases = Mapping[int, IntegerBase | NoBase]


def base_for(bases: Bases, scheme: Scheme) -> IntegerBase | NoBase | None:
    """Return the base of the files of a scheme; None if nothing was prepared for them."""
    base = bases.get(scheme.weight_bits)
    if isinstance(base, IntegerBase) and base.with_loops is not None and not scheme.needs_calibration:
        return base.with_loops
    return base


def base_of(
    run: ExportRun,
    float_file: FileContent,
    schemes: Collection[Scheme],
    weight_bits: int,
    raised: Mapping[str, Width],
    once: Memo,
) -> IntegerBase:
    """Return the base of the integer files with these raised layers.

    Each set of layers with float32 weights has its own base, because it changes the inputs of the other layers. The
    base has a tensor map if there are raised layers.

    Args:
        run: of the export.
        float_file: the original's file in the primary format.
        schemes: of the integer files; those with `weight_bits` decide whether ranges are observed.
        weight_bits: of the integers that weights are rounded to.
        raised: widths of layers of the int8 files in higher precision; the run knows those of other schemes.
        once: calls each step once for all raised layers that share its result.

    Raises:
        CheckFailedError: an output of the model is NaN or infinite.
        OutsideError: a runtime cannot run the file.
        UsageProblemError: the values of its tensors cannot be read, so they cannot be matched.
    """
    served = tuple(scheme for scheme in schemes if scheme.weight_bits == weight_bits)
    widths = [raised, *(run.raised(scheme) for scheme in served if scheme != INT8)]
    in_float = frozenset(layer for one in widths for layer, width in one.items() if width is Width.FLOAT32)
    loop_free, with_loops, trouble = None, None, ""
    if any(scheme.needs_calibration for scheme in served) and unroll.steps_of(run.subject.model):
        try:
            loop_free = once(without_loops, run, float_file)
            without_ranges = any(scheme.has_integer_weights and not scheme.needs_calibration for scheme in served)
            if without_ranges and loop_free.run is not run:
                with_loops = once(_prepared, run, float_file, weight_bits, frozenset(), False)
                with_loops = once(with_tensor_map, run, with_loops) if run.raised(W8A32) else with_loops
            run, float_file = loop_free.run, loop_free.content
        except ConversionError as error:  # files without ranges are still possible
            trouble = str(error)
    kept = once(kept_layers, run, float_file, in_float)
    base = once(integer_base, run, float_file, served, weight_bits, kept)
    base = once(with_tensor_map, run, base) if any(widths) else base
    if trouble:
        return replace(base, trouble=trouble)
    return once(_unrolled, base, loop_free, with_loops) if loop_free is not None else base


def integer_base(
    run: ExportRun, float_file: FileContent, schemes: Collection[Scheme], weight_bits: int, kept: frozenset[str]
) -> IntegerBase:
    """Return the base of integer files, without a tensor map.

    Args:
        run: of the export.
        float_file: the original's file in the primary format.
        schemes: of the integer files; they decide whether ranges are observed.
        weight_bits: of the integers that weights are rounded to.
        kept: names of the layers whose weights stay float32.

    Raises:
        CheckFailedError: an output of the model is NaN or infinite.
    """
    narrow = any(scheme.activation_bits == 8 for scheme in schemes)
    # Rows of layers that round their inputs as they run have 8 bits, too.
    base = _prepared(run, float_file, weight_bits, kept, narrow or any(scheme.is_dynamic for scheme in schemes))
    if any(scheme.needs_calibration for scheme in schemes):
        base = observed(run, base, narrow=narrow)
    return base


@dataclass(frozen=True, kw_only=True, eq=False)
class LoopFree:
    """An export whose model has no loops, but for those of very many steps.

    Attributes:
        run: the export of the unrolled model; the original export if all loops remain.
        content: its float file, in the primary format.
        record: manifest entry of the pass that unrolled it.
    """

    run: ExportRun
    content: FileContent
    record: Mapping[str, Any]


def _unrolled(base: IntegerBase, loop_free: LoopFree, with_loops: IntegerBase | None) -> IntegerBase:
    """Return the base with the record of the pass that unrolled its model, and the base before it."""
    made = base.reconstruction
    unrolled = replace(made, records=[loop_free.record, *made.records])
    return replace(base, reconstruction=unrolled, with_loops=with_loops)


def without_loops(run: ExportRun, float_file: FileContent) -> LoopFree:
    """Return the export of the model with unrolled recurrent layers, from which integer files with ranges are derived.

    Loops of more steps than the recipe unrolls remain.

    Raises:
        ConversionError: the unrolled model cannot be copied or converted.
    """
    model, unrolling = run.subject.model, unroll.Unroll(most_steps=run.recipe.unroll)
    record = unrolling.record(model)
    if not record.layers:
        return LoopFree(run=run, content=float_file, record=record.record())
    run.progress.step("unroll the recurrent layers")
    try:
        result = passes.apply(unrolling, model, run.samples.calibration)
    except PassRefusedError as error:
        raise ConversionError(f"{error}; type --precision float16 or w8a32") from error
    unrolled = replace(run, subject=replace(run.subject, model=result.model))
    content = _kept(run, PRIMARY.convert(result.model))
    return LoopFree(run=unrolled, content=content, record=result.record.record())


def with_tensor_map(run: ExportRun, base: IntegerBase) -> IntegerBase:
    """Return the base with a map from its file's tensors to the model's layers.

    Raises:
        OutsideError: a runtime cannot run the file.
        UsageProblemError: the values of its tensors cannot be read, so they cannot be matched.
    """
    if base.tensor_map:
        return base
    samples = run.samples
    if base.observation is not None:
        return replace(base, tensor_map=mapped(base.model, base.observation.tensors, samples.calibration))
    found = attributed(base.model, base.path, samples.calibration, samples.calibration_folder)
    return replace(base, tensor_map=found)


def kept_layers(run: ExportRun, float_file: FileContent, in_float: frozenset[str]) -> frozenset[str]:
    """Return the layers whose weights stay float32, because they belong to the operators of the layers `in_float`."""
    if not in_float or not run.recipe.reconstruct:
        return frozenset()
    path = float_file.on_disk(run.work, f"{FLOAT32}{PRIMARY.suffix}")
    samples = run.samples
    found = attributed(run.subject.model, path, samples.calibration, samples.calibration_folder)
    return frozenset(mixed_precision.weighted(in_float, found, mixed_precision.inner_paths(run.subject.model)))


def _prepared(
    run: ExportRun, float_file: FileContent, weight_bits: int, kept: frozenset[str], paired: bool
) -> IntegerBase:
    """Return the base without ranges: the reconstructed or original model and its float file.

    Without 8-bit activations the weights need no limit on pairs, which would cost small layers up to 7 dB.
    """
    run.progress.step("reconstruct the weights")
    counted = partial(run.progress.step, "reconstruct the weights")
    made = integer_model.reconstructed(
        run.subject,
        run.recipe,
        run.samples.calibration,
        weight_bits,
        kept,
        paired=paired,
        counted=counted,
        cache=run.cache,
    )
    content, others, forms = float_file, dict[str, FileContent](), run.subject.decoder
    if made.model is not None and forms is None:
        reweighed = PRIMARY.reweigh(float_file.read(), made.before, made.after)
        content = _kept(run, reweighed or PRIMARY.convert(made.model))
    elif made.model is not None and forms is not None:
        content = _kept(run, PRIMARY.convert(made.model, decoder=forms(made.model)))
    if made.model is not None and (forms is not None or weight_bits == INT4.weight_bits):
        decoder = forms(made.model) if forms is not None else None
        wanted = [one for one in formats(run.recipe) if one.name != PRIMARY.name]
        others = {one.name: _kept(run, one.convert(made.model, decoder=decoder), one) for one in wanted}
    return IntegerBase(
        model=made.model or run.subject.model,
        reconstruction=replace(made, before={}, after={}),  # frees weights that are no longer needed
        content=content,
        path=content.on_disk(run.work, f"{FLOAT32}{PRIMARY.suffix}"),
        others=others,
    )


def _kept(run: ExportRun, content: bytes, file_format: Format = PRIMARY) -> FileContent:
    """Return the content of a float file, which is kept on disk if it is large."""
    return FileContent.of(content, run.work, f"{FLOAT32}{file_format.suffix}")


def observed(run: ExportRun, base: IntegerBase, *, narrow: bool) -> IntegerBase:
    """Return the base with observed activation ranges and, if `narrow`, those that 8-bit activations are clipped to.

    If activations cannot be observed, `trouble` holds the reason.
    """
    run.progress.step("observe the ranges")
    samples, recipe = run.samples, run.recipe
    try:
        base = _with_observation(run, base)
    except (UsageProblemError, OutsideError) as error:  # other schemes may be possible
        return replace(base, trouble=str(error))
    real = run.subject.weights.trained and samples.calibration.real
    if narrow and real and recipe.observer == observers.SENSITIVITY and base.observation is not None:
        counted = partial(run.progress.step, "choose the ranges")
        observation = base.observation
        whole = observation.ranges
        base = with_tensor_map(run, base)
        calls = clippable(base.tensor_map)
        chosen = _chosen(run, base, whole, calls, counted)
        if not clipping_choice.costs_too_much(run, base.content.read(), whole, chosen):
            whole = chosen
        base = replace(base, int8_ranges=_with_headroom(whole, observation))
    return base


def _chosen(
    run: ExportRun, base: IntegerBase, whole: Ranges, calls: Mapping[str, Sequence[str]], counted: Counted
) -> Ranges:
    """Return the ranges that clipping improves; `counted` is called with the number of samples that are done."""
    samples, seed = run.samples.calibration, run.recipe.seed
    arguments = json.dumps([whole.record(), {name: list(found) for name, found in calls.items()}, seed])
    name = cache.name_of("choose the ranges", model_digest(base.model), samples.digest, arguments)
    record = run.cache.record(
        name,
        lambda: sensitivity.choose(base.model, samples, whole, calls, seed=seed, counted=counted).record(),
    )
    return Ranges.from_record(record)


def _with_headroom(chosen: Ranges, observation: Observation) -> Ranges:
    """Return the ranges with headroom for other samples, of all activations that are not clipped."""
    observed = observation.ranges.by_tensor
    whole = {name: room for name, room in observation.headroom.items() if chosen.by_tensor.get(name) == observed[name]}
    return replace(chosen, headroom=whole)


def _with_observation(run: ExportRun, base: IntegerBase) -> IntegerBase:
    """Return the base with observed ranges, and with smaller masks if its file has any that no grid can hold."""
    observe = partial(
        ranges.observe,
        samples=run.samples.calibration_folder,
        observer=run.recipe.observer,
        kept=run.cache,
        samples_digest=run.samples.calibration.digest,
        counted=partial(run.progress.step, "observe the ranges"),
    )
    observation = observe(base.path)
    bounded = PRIMARY.with_bounded_masks(base.content.read(), observation.ranges.by_tensor)
    if bounded is None:
        return replace(base, observation=observation, tensor_map={})
    content = _kept(run, bounded.content)
    path = content.on_disk(run.work, f"{FLOAT32}{PRIMARY.suffix}")
    observation = observe(path).raised_to(bounded.lowest)
    record = {"name": "masks", "activations": {name: round(low, 2) for name, low in bounded.lowest.items()}}
    made = replace(base.reconstruction, records=[*base.reconstruction.records, record])
    return replace(base, content=content, path=path, observation=observation, tensor_map={}, reconstruction=made)
