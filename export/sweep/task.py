"""One job from the store to the store: what is missing of it is made in a folder, and the result is kept.

It is the same on this machine, where a worker process makes what is missing, and on a node of a cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from export import remote, temporary
from export.sweep import work
from export.sweep.job import Job, Outcome
from export.sweep.store import Record, Store, inside

# Makes what is missing: the arguments of `export.sweep.work.make` -> its result.
Make = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def stored(job: Job, store: Store) -> Outcome:
    """Return the results of a job that are in the store."""
    packs = {device: store.find(key) for device, key in job.pack_keys.items()}
    return Outcome(
        job=job, export=store.find(job.key), packs={device: record for device, record in packs.items() if record}
    )


def completed(job: Job, store: Store, make: Make) -> Outcome:
    """Make what the store lacks of a job, keep it, and return the outcome.

    Raises:
        ZooError: it cannot be made or kept.
    """
    known = stored(job, store)
    if known.is_complete:
        return known
    with temporary.folder(ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        if known.export is not None:
            store.fetch(known.export, folder / work.EXPORT)
        missing = [device for device in job.devices if device not in known.packs]
        made = make(
            {
                "request": remote.request_of(job.recipe),
                "devices": missing,
                "folder": str(folder),
                "is_exported": known.export is not None,
            }
        )
        export: Record = known.export or store.put(job.key, made["export"], inside(folder / work.EXPORT))
        packs = {
            device: store.put(job.pack_keys[device], made["packs"][device], inside(folder / work.PACKS / device))
            for device in missing
        }
    return Outcome(job=job, export=export, packs={**known.packs, **packs}, attempts=1)
