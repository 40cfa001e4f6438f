"""Folded Clos of two levels, and the single switch."""

from __future__ import annotations

import numpy as np

from .plane import Plane, on_switches, one_port


def gpus(count: int) -> tuple[str, ...]:
    """Names of endpoints."""
    return tuple(f"gpu {e}" for e in range(count))


def direct(cfg) -> Plane:
    """One switch, endpoint e on its port e."""
    count = cfg.rack.endpoints
    home, exits = on_switches(count, count)
    return Plane(
        radix=cfg.rack.radix, endpoints=gpus(count), switches=("switch 0",), home=home, exit=exits,
        fibres=np.zeros((0, 4), np.int64), exit_m=np.full(count, cfg.rack.fibre_m),
        fibre_m=np.zeros(0), sets=one_port(exits)[None], class_of=np.zeros((1, 1), np.uint8))


def clos2(cfg) -> Plane:
    """Leaves and spines; upward routes are D-mod-k, or by "ecmp" all."""
    each = cfg.rack
    count, down, up, spines = each.endpoints, each.down, each.up, each.spine_count
    leaves, trunk = count // down, up // spines
    home, exits = on_switches(count, down)
    # Fibre u of a leaf goes to spine u mod `spines`, which has `trunk` ports for each leaf.
    leaf, u = (axis.reshape(-1) for axis in np.indices((leaves, up)))
    fibres = np.stack([leaf, down + u, leaves + u % spines, leaf * trunk + u // spines], axis=1)
    if each.routing == "ecmp":
        upwards = np.full(count, (1 << up) - 1 << down, np.uint64)
        downwards = np.uint64((1 << trunk) - 1) << (home * trunk).astype(np.uint64)
    else:
        dst = np.arange(count)
        upwards = one_port(down + dst % up)
        downwards = one_port(home * trunk + dst % up // spines)
    here = home == np.arange(leaves)[:, None]
    sets = np.concatenate([np.where(here, one_port(exits), upwards),
                           np.broadcast_to(downwards, (spines, count))])
    switches = leaves + spines
    return Plane(
        radix=each.radix, endpoints=gpus(count),
        switches=(*(f"leaf {k}" for k in range(leaves)), *(f"spine {k}" for k in range(spines))),
        home=home, exit=exits, fibres=fibres, exit_m=np.full(count, each.fibre_m),
        fibre_m=np.full(len(fibres), each.fibre_m), sets=sets,
        class_of=np.zeros((switches, switches), np.uint8))
