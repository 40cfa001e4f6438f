"""What a local worker process does before anything else (a preload of Dask's)."""

from __future__ import annotations

import signal


def dask_setup(worker) -> None:
    """Leave `Ctrl-C` to the process that started the sweep: it ends its workers in order."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
