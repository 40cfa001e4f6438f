"""One call for a notebook: a sweep in, a data frame out."""

from __future__ import annotations

import tempfile

from .experiment import make
from .pool import Pool
from .running import run


def sweep(cfg, *, loads=(), seeds=1, patterns="uniform", packet_flits=1, faults=(),
          cycles: int = 20_000, warmup: int | None = None, collectives=(), nbytes=(),
          levels="flow", out=None, workers: int = 2,
          pool: Pool | None = None, progress: bool = False):
    """Run each combination of what is given, and return the table.

    Parameters
    ----------
    cfg : Config, or dict of name to Config
        Each of a dict is a variant: column `variant`.
    loads : floats
        Flits a cycle, endpoint and plane.
    seeds : int or ints
        A number n stands for the seeds 1..n.
    patterns : str, dict, or a list of them
        Names of patterns, or fields of a `lightloom.sim.rack.load.Traffic`.
    packet_flits : int or ints
    faults : paths, or dict of name to text
        Schedules of faults, each beside a run without.
    cycles, warmup : int
        Of each run; a warm-up of None is detected.
    collectives : names
        "all-reduce", or with an algorithm, "all-reduce ring"; rows beside those of the loads.
    nbytes, levels : of the collectives
        Bytes of a rank; "flow" or "flit".
    out : path, optional
        Folder to keep the points in; the same call goes on from what is there. Without it the
        points are gone when the table is made.
    workers : int
        Local processes; 0 for this one.
    pool : Pool, optional
        Something else to run the points, as a cluster.
    progress : bool
        Show a bar, on standard error.

    Returns
    -------
    pandas.DataFrame
        A row for each point, in the order of the lists, seeds last.

    Raises
    ------
    ConfigError, FlowError
        When something that was asked for cannot be; CheckError, when a point failed.
    """
    points = make(cfg, loads=loads, seeds=seeds, patterns=patterns, packet_flits=packet_flits,
                  faults=faults, cycles=cycles, warmup=warmup, collectives=collectives,
                  nbytes=nbytes, levels=levels).points()
    pool = pool or Pool(workers=workers)
    if out is not None:
        return run(points, out, pool, progress=progress).table
    with tempfile.TemporaryDirectory() as folder:
        return run(points, folder, pool, progress=progress).table
