"""The part of a job that runs in a worker: export into a folder, and pack it for devices. Plain data in and out."""

from __future__ import annotations

import gc
import platform
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from export.sweep.cost import Cost, measured, memory_bytes
from zoo.errors import CheckFailedError, UsageProblemError

if TYPE_CHECKING:
    from export.progress import Progress

# In the folder of a job: the folder of the export, its manifest, and the folders of devices.
EXPORT, PACKS, MANIFEST = "export", "packs", "manifest.json"


def make(
    request: Mapping[str, Any], devices: Sequence[str], folder: str, is_exported: bool, progress: Progress
) -> dict[str, Any]:
    """Export a recipe into a folder and pack it for devices, and return `{"export", "packs", "kept_bytes"}`.

    Args:
        request: the recipe, as `export.remote.request_of` gives it.
        devices: names of the targets whose folders are missing.
        folder: receives the files.
        is_exported: whether the folder holds the export already; its record is then None.
        progress: is notified of every step.

    Raises:
        ZooError: as `export.pipeline.run`.
    """
    out = Path(folder)
    try:
        record = None if is_exported else _exported(request, out / EXPORT, progress)
        packs = {device: _packed(device, out, progress) for device in devices}
    finally:
        _forget()
    return {"export": record, "packs": packs, "kept_bytes": memory_bytes()}


def _exported(request: Mapping[str, Any], out: Path, progress: Progress) -> dict[str, Any]:
    import json

    from export import remote
    from export.sweep.summary import summary

    out.mkdir(parents=True)
    with measured() as cost:
        manifest = remote.export({**request, "out": str(out)}, progress)["manifest"]
    (out / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    return {**summary(manifest), **_made(cost)}


def _packed(device: str, out: Path, progress: Progress) -> dict[str, Any]:
    """Pack the export for a device; a device that no proven file is for has an error in its record."""
    from export.bundle.deploy import find
    from export.bundle.deploy.pack import pack
    from export.bundle.read import read

    found = [path for path in (out / EXPORT).iterdir() if path.is_dir()]
    if not found:
        return {"error": "no file passed its proof", "notes": [], "bytes": 0}
    target = find(device)
    target.fetch()
    folder = out / PACKS / device / f"{found[0].name}-{device}"
    try:
        with measured() as cost:
            packed = pack(read(found[0]), target, None, folder, progress)
    except (UsageProblemError, CheckFailedError) as error:
        return {"error": str(error), "notes": [], "bytes": 0}
    return {
        "error": "",
        "notes": list(packed.notes),
        "bytes": sum(packed.sizes.values()),
        **_made(cost),
    }


def _made(cost: Cost) -> dict[str, Any]:
    when = datetime.now(UTC).isoformat(timespec="seconds")
    return {"cost": cost.record(), "made": {"machine": platform.node(), "processor": _processor(), "time": when}}


def _processor() -> str:
    """Return the name of the processor, which latencies depend on."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _forget() -> None:
    """Let go of the models of this job: Keras counts layers for as long as a process lives, and names them so."""
    if (keras := sys.modules.get("keras")) is not None:
        keras.backend.clear_session()
    gc.collect()
