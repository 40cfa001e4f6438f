"""`lightloom rack ...`: runs, sweeps and descriptions of the rack model.

Commands import what they need when they run, so that `--help` is quick.
"""

from __future__ import annotations

import typer

from . import loads, sweeps, topologies, workloads

app = typer.Typer(
    no_args_is_help=True, add_completion=False,
    help="The rack model: load runs, sweeps on many machines, collectives, faults, topologies.")
for module in (loads, workloads, sweeps, topologies):
    module.mount(app)
