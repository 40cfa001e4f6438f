"""Sweeps of the rack model: many runs, anywhere; curves, tables and a report of them.

>>> from lightloom import config
>>> from lightloom.flow.rack import curves, sweep
>>> table = sweep(config.load("sim"), loads=[0.1, 0.5], seeds=3)    # a pandas DataFrame
>>> curves(table)                                                   # means over the seeds

Names are imported when they are first used: the command line needs none of them for its help.
"""

from importlib import import_module

_PLACES = {
    "Collective": "works", "Done": "running", "Experiment": "experiment", "Load": "works",
    "Outcome": "point",
    "Point": "point", "Pool": "pool", "Store": "store", "gpu_losses": "statistics",
    "curves": "statistics", "make": "experiment", "read": "reading", "run": "running",
    "saturation": "statistics", "sweep": "api", "write_report": "report"}

__all__ = list(_PLACES)


def __getattr__(name: str):
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_PLACES[name]}", __name__), name)
