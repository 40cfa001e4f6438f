"""Where points run: in this process, in local ones, on a cluster of Dask's, Slurm's or LSF's."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

from ..errors import FlowError
from .point import Outcome, Point, run_point, sources

ALLOWED_FAILURES = 10
"""Workers that may be lost under one point before it is given up."""

CONNECT_SECONDS = 10

SYSTEMS = {"slurm": "SLURMCluster", "lsf": "LSFCluster"}


@dataclass(frozen=True)
class Pool:
    """What is to run the points.

    Attributes
    ----------
    workers : local processes; 0: this one, without Dask
    scheduler : address of a Dask scheduler that runs already, instead
    cluster : "slurm" or "lsf", instead: workers are batch jobs
    jobs, cores, memory, walltime, queue, account : of the batch jobs; a worker process a core
    directives : further lines of a job's header, without their prefix
    """

    workers: int = 2
    scheduler: str = ""
    cluster: str = ""
    jobs: int = 1
    cores: int = 1
    memory: str = "4GB"
    walltime: str = "01:00"
    queue: str = ""
    account: str = ""
    directives: tuple[str, ...] = ()

    def __post_init__(self):
        if self.workers < 0:
            raise FlowError(f"workers = {self.workers}: must be 0 (this process) or more")
        if self.cluster not in ("", *SYSTEMS):
            raise FlowError(f"cluster {self.cluster!r}: not one of {', '.join(SYSTEMS)}")
        if self.cluster and self.scheduler:
            raise FlowError("cluster and scheduler: give one of them")
        for name in ("jobs", "cores"):
            if getattr(self, name) < 1:
                raise FlowError(f"{name} = {getattr(self, name)}: must be at least 1")


def outcomes(points: list[Point], pool: Pool) -> Iterator[tuple[Point, Outcome | Exception]]:
    """Run points and yield each with its outcome as it is finished, in no order."""
    if not pool.scheduler and not pool.cluster and pool.workers == 0:
        for point in points:
            try:
                yield point, point.run()
            except Exception as error:
                yield point, error
        return
    from distributed import as_completed

    with client(pool) as dask:
        futures = {}
        for point in points:
            future = dask.submit(run_point, point, sources(), key=f"point-{point.key}")
            futures[future] = point
        for future in as_completed(list(futures), loop=dask.loop):
            point = futures.pop(future)
            error = future.exception()
            yield point, error if error is not None else future.result()
            # The scheduler forgets a result that nobody holds: it lies in a file by now.
            future.release()


@contextmanager
def client(pool: Pool):
    """A Dask client of `pool`, closed at the end with all that it started."""
    import dask
    from distributed import Client, LocalCluster

    settings = {"distributed.scheduler.allowed-failures": ALLOWED_FAILURES,
                "distributed.admin.tick.limit": "1 h"}
    with dask.config.set(settings):
        if pool.scheduler:
            try:
                connected = Client(pool.scheduler, timeout=CONNECT_SECONDS, set_as_default=False)
            except (OSError, ValueError) as error:
                raise FlowError(f"scheduler {pool.scheduler}: cannot be reached: {error}") from None
            with connected:
                yield connected
        else:
            started = _batch(pool) if pool.cluster else LocalCluster(
                n_workers=pool.workers, threads_per_worker=1, processes=True,
                dashboard_address="127.0.0.1:0", memory_limit=0, silence_logs=logging.CRITICAL,
                preload=["lightloom.flow.rack.worker"])
            with started, Client(started, set_as_default=False) as connected:
                yield connected


def _batch(pool: Pool):
    """Batch jobs that are workers."""
    if find_spec("dask_jobqueue") is None:
        raise FlowError(f"cluster {pool.cluster}: needs dask-jobqueue: install the extra "
                        "`cluster`, as in pip install 'lightloom[cluster]'")
    kind = getattr(import_module("dask_jobqueue"), SYSTEMS[pool.cluster])
    account = {"project" if pool.cluster == "lsf" else "account": pool.account or None}
    cluster = kind(cores=pool.cores, processes=pool.cores, memory=pool.memory,
                   walltime=pool.walltime, queue=pool.queue or None, **account,
                   job_extra_directives=list(pool.directives),
                   scheduler_options={"dashboard_address": ":0"})
    cluster.scale(jobs=pool.jobs)
    return cluster
