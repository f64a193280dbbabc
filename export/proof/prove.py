"""Prove the files of an export: run each on the samples of the proof and apply every check of the registry.

Files are proven after those that they are derived from, so that a conversion fault is not blamed on quantization.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from calibration.samples import Array
from export.errors import ConversionError
from export.formats import FORMATS, PRIMARY
from export.model import entries
from export.model.loading.model_file import is_model_file
from export.passes import unroll
from export.progress import Counted, uncounted
from export.proof.artifact import Artifact
from export.proof.check import NotMade
from export.proof.checks import CHECKS, make_all
from export.proof.compare import compare_outputs
from export.proof.enlarged import Enlarged, enlarge, magnified
from export.proof.evidence import Evidence, ProvenFile
from export.proof.greedy_continuation import continue_probe
from export.proof.integer_model import BaseOutputs, base_outputs
from export.proof.notes import notes
from export.quantization.build import MadeFile, parent_content
from export.quantization.export_run import ExportRun
from export.quantization.integer_base import Bases, IntegerBase, base_for
from export.quantization.requested import Key
from export.runtime.file_content import FileContent
from export.runtime.run_file import Measurement, measure
from export.scheme import FLOAT32
from zoo.errors import CheckFailedError, OutsideError, UsageProblemError

Outputs = Mapping[str, Array]


def prove_all(run: ExportRun, files: Mapping[Key, MadeFile], bases: Bases, expected: Outputs) -> dict[Key, ProvenFile]:
    """Return every file with the results of its checks.

    Args:
        run: of the export.
        files: each after the files that it is derived from.
        bases: the models that integer files were quantized from.
        expected: outputs of the Keras model for the probe, (N, ...) by name.
    """
    known = {key: base for key, file in files.items() if isinstance(base := base_for(bases, file.scheme), IntegerBase)}
    used = {id(base): base for key, base in known.items() if key[0] == PRIMARY.name and not files[key].trouble}
    found = {name: _base_outputs(run, base) for name, base in used.items()}
    proven: dict[Key, ProvenFile] = {}
    larger, chaos = enlarge(run), magnified(run)
    for key, file in files.items():
        base = known.get(key)
        outputs, base_trouble = found.get(id(base), (None, ""))
        trouble = file.trouble or base_trouble or _needs_tensorflow(file)
        if trouble:
            proven[key] = without_proof(run, file, trouble)
            continue
        step = f"prove the {file.scheme} .{file.format}"
        run.progress.step(step)
        try:
            measured = measured_on_probe(run, file, partial(run.progress.step, step))
            continuation = continue_probe(run, file)
        except (OutsideError, UsageProblemError) as error:
            proven[key] = without_proof(run, file, str(error))
            continue
        found_evidence = evidence(run, file, measured, expected, files, proven, base, outputs, larger)
        one = prove(replace(found_evidence, magnified=chaos))
        proven[key] = replace(one, artifact=replace(one.artifact, continuation=continuation))
    return {
        key: _with_notes(one, proven[key[0], FLOAT32], _choices(run, files[key], known.get(key)))
        for key, one in proven.items()
    }


def _needs_tensorflow(file: MadeFile) -> str:
    """Return why a file with operators of TensorFlow is not proven; empty for other files."""
    found = FORMATS[file.format].select_ops(file.content.read())
    if not found:
        return ""
    return (
        f"not proven: it needs {', '.join(found)} of TensorFlow, which no runtime here has; link the Select TF "
        "operators into the app and compare the outputs there"
    )


def measured_on_probe(run: ExportRun, file: MadeFile, counted: Counted = uncounted) -> Measurement:
    """Run a file on the samples of the proof; `counted` is called with how many are done.

    Raises:
        RuntimeCrashError: its runtime cannot run it.
        UsageProblemError: its inputs differ from those of the samples.
    """
    camera_bytes = run.takes_camera_bytes(file.scheme)
    return measure(
        file.on_disk(run.work), run.samples.probe_folder, camera_bytes=camera_bytes, hurry=True, counted=counted
    )


def evidence(
    run: ExportRun,
    file: MadeFile,
    measured: Measurement,
    expected: Outputs,
    files: Mapping[Key, MadeFile],
    proven: Mapping[Key, ProvenFile],
    base: IntegerBase | None,
    outputs: BaseOutputs | None,
    larger: Enlarged | None,
) -> Evidence:
    """Return the evidence for one file.

    Args:
        run: of the export.
        file: the file to check.
        measured: outputs of the file for the probe.
        expected: outputs of the Keras model for the probe.
        files: all files that it may be derived from.
        proven: the files that were checked before.
        base: the model that files with its weight bits are quantized from; None for float files.
        outputs: outputs of the base's model and float file.
        larger: enlarged samples with the model's outputs, for float32 files.
    """
    file_format, scheme = FORMATS[file.format], file.scheme
    is_float = scheme == FLOAT32
    has_base = file.format == PRIMARY.name and scheme.has_integer_weights
    return Evidence(
        run=run,
        file=file,
        expected=expected,
        measured=measured,
        compared=compare_outputs(
            expected, measured.real, scheme, has_thresholds=run.judges(scheme), kinds=entries.output_kinds(run.subject)
        ),
        parent=None if is_float else _parent(file, files, base),
        siblings={} if file.alone else {name: proven[name, scheme] for name in file_format.needs(scheme)},
        float_file=None if is_float else proven[file.format, FLOAT32],
        primary=proven.get((PRIMARY.name, scheme)) if file.format != PRIMARY.name else None,
        base=base if has_base else None,
        base_outputs=outputs if has_base else None,
        enlarged=larger if is_float else None,
    )


def prove(evidence: Evidence) -> ProvenFile:
    """Return a file that its runtime could run, with the results of all checks."""
    run, file, measured = evidence.run, evidence.file, evidence.measured
    scheme = file.scheme
    checks, not_made = make_all(evidence)
    artifact = replace(
        _artifact(run, file),
        content=file.content,
        inputs=measured.inputs,
        outputs=measured.outputs,
        comparisons=evidence.compared.comparisons,
        checks=checks,
        not_made=not_made,
        census=measured.census,
        requirements=measured.requirements,
        raised={} if file.alone else run.raised(scheme),
        may_be_reconstructed=scheme.has_integer_weights and not run.recipe.reconstruct and evidence.is_judged,
        takes_camera_bytes=run.takes_camera_bytes(scheme) and not file.alone,
        is_compared_only=bool(file.alone),
        p50_ms=measured.p50_ms,
        p90_ms=measured.p90_ms,
    )
    return ProvenFile(artifact=artifact, measured=measured)


def without_proof(run: ExportRun, file: MadeFile, trouble: str) -> ProvenFile:
    """Return a file that could not be built or run, with the reason."""
    not_made = {check.id: NotMade("the file could not be built or run") for check in CHECKS}
    requested = run.recipe.allow_select_tf_ops and bool(_needs_tensorflow(file))
    artifact = replace(
        _artifact(run, file),
        content=file.content,
        trouble=trouble,
        not_made=not_made,
        is_delivered_unproven=requested,
    )
    return ProvenFile(artifact=artifact)


def _artifact(run: ExportRun, file: MadeFile) -> Artifact:
    suffix = FORMATS[file.format].suffix
    return Artifact(name=run.subject.name, format=file.format, scheme=file.scheme, suffix=suffix)


def _base_outputs(run: ExportRun, base: IntegerBase) -> tuple[BaseOutputs | None, str]:
    """Return the outputs of the base, or why it could not be run: then only the integer files cannot be proven."""
    try:
        return base_outputs(run, base), ""
    except (OutsideError, CheckFailedError) as error:
        return None, f"the model that the file was derived from cannot be run: {error}"


def _parent(file: MadeFile, files: Mapping[Key, MadeFile], base: IntegerBase | None) -> FileContent | None:
    try:
        return parent_content(FORMATS[file.format], file.scheme, files, base)
    except ConversionError:
        return None


def _choices(run: ExportRun, file: MadeFile, base: IntegerBase | None) -> tuple[str, ...]:
    """Return sentences about what the export chose by itself for a file, and what the proof did not look at."""
    return (*_chosen(run, file, base), *_positions(run))


def _positions(run: ExportRun) -> tuple[str, ...]:
    """Return up to which position of a decoder the proof goes, if the network reads longer texts."""
    if run.subject.decoder is None:
        return ()
    decoder = run.subject.decoder(run.subject.model)
    if decoder.length == decoder.context:
        return ()
    typed = "train it with" if is_model_file(run.recipe.model) else "type"
    return (f"compared up to position {decoder.length} of {decoder.context}; {typed} --set length={decoder.context}",)


def _chosen(run: ExportRun, file: MadeFile, base: IntegerBase | None) -> tuple[str, ...]:
    if file.scheme == FLOAT32:
        return ()
    if file.alone:
        return (f"quantized straight from the float .{file.format}, not reconstructed: {file.alone}",)
    coarse = run.coarse_edges(file.scheme).reasons if run.raised(file.scheme) else ()
    return (*coarse, *unroll.in_words(base.reconstruction.records)) if base is not None else coarse


def _with_notes(one: ProvenFile, float_file: ProvenFile, choices: Sequence[str]) -> ProvenFile:
    found = notes(one.artifact, float_file.artifact, choices)
    return replace(one, artifact=replace(one.artifact, notes=found))
