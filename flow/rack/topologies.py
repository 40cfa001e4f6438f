"""`lightloom rack topology`: what a rack is made of, and whether it can deadlock."""

from __future__ import annotations

import typer

from . import options
from .options import Json, Profile, Set


def mount(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog=options.examples(
        "lightloom rack topology",
        "lightloom rack topology --set rack.topology=torus --set 'rack.dims=[8,8]' "
        "--set rack.endpoints=64 --set chiplet.vcs=4",
        "lightloom rack topology --set rack.topology=file --set rack.file=dragonfly.json "
        "--set rack.endpoints=18 --json"))(topology)


def topology(profile: Profile = "sim", sets: Set = (),
             json: Json = False) -> None:
    """Nodes, links, hops and bisection of a rack; its routes are checked for deadlock."""
    from .describe import describe

    cfg = options.configured(profile, sets)
    found = describe(cfg)
    if json:
        options.emit(found)
        return
    names = {
        "endpoints": "GPUs", "switches": "switches", "kinds": "of them", "planes": "planes",
        "fibres": "fibres", "switch_fibres": "of them between switches",
        "ports_used": "ports in use, of a switch", "diameter": "most switches on a shortest path",
        "hops_mean": "mean, over pairs of different GPUs", "bisection": "fibres across the "
        "bisection found", "bisection_share": "  of what half the GPUs send",
        "classes": "classes of VCs", "deadlock": "deadlock"}
    options.tabulate(f"{cfg.rack.topology}, {cfg.rack.routing} routing", [
        (text, _text(found[name])) for name, text in names.items() if name in found])


def _text(value):
    if isinstance(value, dict):
        return ", ".join(f"{count} {name}" for name, count in value.items())
    return value
