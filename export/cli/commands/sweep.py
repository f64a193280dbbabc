"""`zoo sweep sweep.toml`: many exports in one run, here or on a cluster, and one page that compares their files."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from export.cli.console import print_command, print_sentence, standard_error, standard_output
from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    from export.sweep.job import Job, Outcome
    from export.sweep.run import Way
    from export.sweep.store import Store

INTERRUPTED = 130
ADDRESS = re.compile(r"ray|(ray://)?[\w.-]+:\d+")


@click.command()
@click.argument("file", metavar="FILE.toml", type=click.Path(path_type=Path))
@click.option(
    "--out",
    default="sweep",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder of index.html, results.csv and results.json.",
)
@click.option(
    "--store",
    "store_url",
    metavar="URL",
    help="Where results are kept and found again: a folder, or any URL that fsspec knows, such as s3://bucket/sweeps. "
    "[default: store/ in --out]",
)
@click.option("--jobs", type=click.IntRange(min=1), help="Number of jobs at the same time. [default: the cores]")
@click.option(
    "--on",
    "cluster",
    metavar="ray|ray://HOST:PORT",
    help="Run on a new local Ray cluster, or on that of an address.",
)
@click.option(
    "--retries",
    default=1,
    show_default=True,
    type=click.IntRange(min=0),
    help="How often a job is repeated whose worker crashed or was lost.",
)
@click.option("--list", "only_list", is_flag=True, help="Print the jobs, and which are done, without running any.")
def command(
    file: Path, out: Path, store_url: str | None, jobs: int | None, cluster: str | None, retries: int, only_list: bool
) -> int:
    """Export many combinations of models, recipes and devices, and compare their files.

    Results that are in the store are not made again: type the same command after a stop of any kind. The exit code is
    1 if a job failed, else 0; a job that fails stops no other.
    """
    from export.cli.sweep.definition import read
    from export.cli.sweep.jobs import jobs as jobs_of
    from export.cli.tables.sweep import print_jobs
    from export.runtime import cores
    from export.sweep.run import Way, in_store
    from export.sweep.store import Store

    if not file.exists():
        raise UsageProblemError(f"there is no file {str(file)!r}; see: zoo sweep --help")
    _check_out(out)
    store = Store(store_url or str(out / "store"))
    if cluster and not store.is_shared:
        raise UsageProblemError(f"--store {store.url} is seen by one process only; give a folder that all nodes share")
    if cluster:
        _check_cluster(cluster)
    found = jobs_of(read(file), out)
    if only_list:
        print_jobs(standard_output(), found, [one.is_complete for one in in_store(found, store)])
        print_sentence(standard_output(), f"{len(found)} jobs", style="dim")
        return 0
    way = Way(at_once=jobs or (None if cluster else cores.count()), retries=retries, cluster=cluster or "")
    outcomes, interrupted = _run(found, store, way)
    return _report(file, out, found, outcomes, store, interrupted=interrupted)


def _check_out(out: Path) -> None:
    nearest = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
    if not nearest.is_dir():
        raise UsageProblemError(f"--out {out} is a file, or lies in one; choose another folder")


def _check_cluster(address: str) -> None:
    import importlib.util

    if not ADDRESS.fullmatch(address):
        raise UsageProblemError(f"--on {address} is no cluster; type --on ray, or --on ray://HOST:PORT")
    if importlib.util.find_spec("ray") is None:
        raise UsageProblemError(f"--on {address} needs Ray; type: pip install 'zoo-export[ray]'")


def _run(jobs: Sequence[Job], store: Store, way: Way) -> tuple[list[Outcome], bool]:
    """Run the jobs, and return the outcomes in the order of the jobs, and whether Ctrl-C ended the run."""
    from export.cli.progress_bar import ProgressBar
    from export.cli.sweep.board import Board
    from export.cli.sweep.order import in_order
    from export.sweep.run import outcomes
    from export.sweep.task import stored

    found: dict[str, Outcome] = {}
    interrupted = False
    with ProgressBar(standard_error()) as progress:
        board = Board(console=standard_error(), progress=progress, total=len(jobs))
        try:
            for outcome in outcomes(in_order(jobs), store, way, board.told):
                found[outcome.job.name] = outcome
                board.finished(outcome)
        except KeyboardInterrupt:
            interrupted = True
    if interrupted:  # a result may have reached the store without being counted
        late = [stored(job, store) for job in jobs if job.name not in found]
        found |= {outcome.job.name: replace(outcome, attempts=1) for outcome in late if outcome.is_complete}
    return [found[job.name] for job in jobs if job.name in found], interrupted


def _report(
    file: Path, out: Path, jobs: Sequence[Job], outcomes: Sequence[Outcome], store: Store, *, interrupted: bool
) -> int:
    """Write and print the results, and return the exit code."""
    from export.cli.tables.sweep import print_results
    from export.sweep.results import DATA, PAGE, TABLE, write

    line = ["zoo", "sweep", str(file), *(["--out", str(out)] if str(out) != "sweep" else [])]
    line += ["--store", store.url] if store.url != str(out / "store") else []
    rows = write(outcomes, store, out, total=len(jobs), title=f"Sweep {file.stem}", command=shlex.join(line))
    print_results(standard_output(), rows)
    known = sum(not outcome.attempts for outcome in outcomes)
    print_sentence(standard_output(), f"{len(outcomes)} of {len(jobs)} jobs done, {known} of them before", style="dim")
    print_command(standard_output(), f"written: {out / PAGE}, {out / TABLE}, {out / DATA}")
    if interrupted:
        print_command(standard_error(), f"interrupted; to go on, type: {shlex.join(line)}")
        return INTERRUPTED
    return 0 if all(outcome.is_good for outcome in outcomes) else 1
