"""Conservation: flits, credits and Little's law (docs/load.md, Checked in every run)."""

from __future__ import annotations

import numpy as np

from lightloom.sim.flits import NO_FLIT, vc_of

from .state import AGE, DONE_FLITS, LATENCY, MADE_FLITS, SENT_FLITS, SYSTEM


class ConservationError(AssertionError):
    """The model lost or invented a flit or a credit: an error of the model."""


def in_fabric(fabric) -> int:
    """Flits on wires, in crossbars, links and host outputs, counted where they are."""
    count = np.count_nonzero(fabric.wires.flit != NO_FLIT)
    for state in (fabric.endpoints, fabric.switches):
        count += int(state.inlet["used"].sum())
        if state.stages == 2:
            count += np.bitwise_count(state.whole_more["routed"]).sum()
    count += fabric.egress.fill.sum() + np.count_nonzero(fabric.egress.shown != NO_FLIT)
    ends = fabric.links.ends
    count += fabric.links.channels["fill"].sum()
    count += (ends["wr"] - ends["delivered"][ends["peer"]]).sum()
    return int(count)


def check_flits(fabric, load, faulty: bool) -> int:
    """Flits that were lost: none, unless the run is `faulty`."""
    made, sent, done = (int(load.count[k]) for k in (MADE_FLITS, SENT_FLITS, DONE_FLITS))
    inside = in_fabric(fabric)
    lost = sent - done - inside
    if lost < 0 or lost and not faulty:
        raise ConservationError(f"flits: {made} made, {made - sent} in source queues, {done} "
                                f"delivered, {inside} in the fabric: {lost} are missing")
    return lost


def check_little(load, first: int) -> None:
    """Packets in the system and latencies agree, from batch `first` on."""
    rows = load.batches
    before = int(rows[first - 1, AGE]) if first else 0
    system, latency = int(rows[first:, SYSTEM].sum()), int(rows[first:, LATENCY].sum())
    if system != latency - before + int(rows[-1, AGE]):
        raise ConservationError(
            f"Little's law: {system} packet-cycles in the system, {latency} of packets delivered, "
            f"ages at begin and end {before} and {int(rows[-1, AGE])}")


def check_credits(cfg, topology, fabric) -> None:
    """Credits of each VC: held, on the wires and in use make the depth."""
    vcs, depth, room = cfg.chiplet.vcs, cfg.xbar.vc_depth, cfg.xbar.egress_depth
    flits, pulses = _on_wires(fabric.wires, vcs)
    used, spare = _slots(fabric, vcs), _credits(fabric, vcs)
    size, hosts, ports = topology.endpoint_ports, topology.hosts, topology.ports
    host = (np.arange(topology.endpoints)[:, None] * size + np.arange(hosts)).reshape(-1)
    _equal("host inputs", depth, fabric.ingress.credits + used[host] + flits[host] + pulses[host])
    out = ports + host
    _equal("crossbar outputs to hosts", room,
           spare[host] + fabric.egress.fill + flits[out] + pulses[out])
    links, out = fabric.links, ports + topology.ends
    if fabric.ideal:
        far = topology.ends[topology.peers]
        _equal("crossbar outputs to ideal links", depth,
               spare[topology.ends] + pulses[out] + flits[far] + used[far])
        return
    _equal("crossbar outputs to links", room, spare[topology.ends] + links.channels["fill"]
           + flits[out] + pulses[out])
    into = topology.ends
    held = used[into] + flits[into] + pulses[into] + links.channels["granted"] - depth
    _equal("flits delivered by links", links.ends["delivered"], held.sum(axis=1))


def _equal(what: str, expected, found) -> None:
    wrong = np.argwhere(np.asarray(found) != np.asarray(expected))
    if wrong.size:
        at = tuple(wrong[0])
        raise ConservationError(f"credits of {what}: place {at} has {np.asarray(found)[at]}, not "
                                f"{np.broadcast_to(expected, np.shape(found))[at]}")


def _on_wires(wires, vcs: int):
    """int64[wires, vcs]: flits and credit pulses under way, all slots."""
    here = wires.flit != NO_FLIT
    vc = vc_of.py_func(wires.flit)
    flits = np.stack([(here & (vc == v)).sum(axis=1) for v in range(vcs)], axis=1)
    pulses = np.stack([(wires.credit >> v & 1).sum(axis=1, dtype=np.int64)
                       for v in range(vcs)], axis=1)
    return flits, pulses


def _slots(fabric, vcs: int):
    """int64[ports, vcs]: flits of each crossbar input, and credits that it owes."""
    parts = []
    for state in (fabric.endpoints, fabric.switches):
        inlet = state.inlet.reshape(-1, vcs)
        held = inlet["used"].astype(np.int64) + inlet["owed"]
        if state.stages == 2:
            inputs = np.arange(state.ins, dtype=np.uint64)
            routed = state.whole_more["routed"][:, None] >> inputs & np.uint64(1)
            _add(held, routed.astype(bool).reshape(-1), state.input_more["latch"])
        parts.append(held)
    return np.concatenate(parts)


def _add(held, here, flits) -> None:
    places = np.flatnonzero(here)
    np.add.at(held, (places, vc_of.py_func(flits[places])), 1)


def _credits(fabric, vcs: int):
    """int64[ports, vcs]: that each crossbar output holds."""
    return np.concatenate([state.outlet["credits"].reshape(-1, vcs).astype(np.int64)
                           for state in (fabric.endpoints, fabric.switches)])
