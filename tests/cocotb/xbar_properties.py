"""What must hold for a crossbar's deliveries, whatever its model says."""

from collections import Counter

import crcmod

from lightloom.sim.xbar import ALL, DEFAULT, DENIED, NO_ENTRY, ONE, PERMIT, ROUTE, SOURCE
from lightloom.tb.traffic import COLUMNS, DELIVERED, INPUT, NO_TAG

CRC8 = crcmod.mkCrcFun(0x107, initCrc=0, rev=False)
ABORT = 3


def rows_of(delivered):
    """Deliveries as a list of dicts."""
    return [dict(zip(DELIVERED, row, strict=True))
            for row in zip(*(delivered[name].tolist() for name in DELIVERED), strict=True)]


def input_of(tag):
    return tag >> INPUT & 0x3F


def assert_packets_whole(delivered, turned=False):
    """On each VC of each output one packet after another, each of one input, none cut.

    With source routing a tag may be `turned`, and does not say which input it is from.
    """
    holder = {}
    for row in rows_of(delivered):
        at = row["output"], row["vc"]
        if row["first"]:
            assert at not in holder, f"a packet begins in another: {row}"
        else:
            assert at in holder, f"a packet without a first flit: {row}"
        if row["tag"] != NO_TAG and not turned:
            source = input_of(row["tag"])
            assert holder.get(at, source) == source, f"packets of two inputs are mixed: {row}"
            holder[at] = source
        else:
            holder.setdefault(at, None)
        if row["end"]:
            del holder[at]


def assert_no_copies(delivered):
    """No flit leaves an output twice."""
    seen = Counter((row["output"], row["tag"]) for row in rows_of(delivered)
                   if row["tag"] != NO_TAG)
    assert not seen or max(seen.values()) == 1, seen.most_common(3)


def entries_after(scenario):
    """Entry of each (input, destination), default and `permit` of each input, by the writes."""
    inputs, everything = range(scenario.inputs), (1 << scenario.outputs) - 1
    entries, defaults = {}, {i: (NO_ENTRY, 0) for i in inputs}
    permits = dict.fromkeys(inputs, everything)
    for write in scenario.writes:
        for i in (i for i in inputs if write.inputs >> i & 1):
            if write.op == ROUTE:
                entries[i, write.index] = write.value, write.ports
            elif write.op == DEFAULT:
                defaults[i] = write.value, write.ports
            elif write.op == PERMIT:
                permits[i] = write.ports
    return entries, defaults, permits


def kind_of(cfg, kind):
    known = {ONE, DENIED} | ({ALL} if cfg.xbar.multicast else set()) | (
        {SOURCE} if cfg.xbar.source_routing else set())
    return kind if kind in known else NO_ENTRY


def outputs_of(scenario, tables, i, row):
    """(sets of which one must get the packet, it is a multicast), in tables that do not change."""
    cfg, (entries, defaults, permits) = scenario.cfg, tables
    kind, members = entries.get((i, row["dst"]), (NO_ENTRY, 0))
    if kind_of(cfg, kind) == NO_ENTRY:
        kind, members = defaults[i]
    kind, allowed = kind_of(cfg, kind), members & permits[i]
    ports = [j for j in range(scenario.outputs) if allowed >> j & 1]
    if kind == SOURCE:
        port = row["tag"] & 0xFF
        return ([{port}] if port < scenario.outputs and permits[i] >> port & 1 else [set()]), False
    if kind in (NO_ENTRY, DENIED) or not ports:
        return [set()], False
    if kind == ALL:
        return [set(ports)], True
    if cfg.xbar.ecmp == "lowest":
        return [{ports[0]}], False
    if cfg.xbar.ecmp == "occupancy":
        return [{port} for port in ports], False
    value = CRC8((row["src"] << 12 | row["dst"]).to_bytes(3, "big"))
    return [{ports[value * len(ports) >> 8]}], False


def assert_delivered_as_routed(scenario, delivered):
    """Every flit at every output of its packet's route once, in order, and nowhere else.

    For tables that are written before the traffic, whole packets, outputs that are up, and enough
    cycles for all of them.
    """
    tables, came = entries_after(scenario), {}
    for row in rows_of(delivered):
        came.setdefault(row["tag"], []).append((row["output"], row["cycle"]))
    total = 0
    for i, rows in enumerate(scenario.stimulus):
        ways, last = {}, {}
        for line in rows.tolist():
            row = dict(zip(COLUMNS, line, strict=True))
            if row["first"]:
                ways[row["vc"]] = outputs_of(scenario, tables, i, row)
            choices, multicast = ways[row["vc"]]
            tag = row["tag"]
            if row["first"] and scenario.cfg.xbar.source_routing and tag not in came:
                tag = tag >> 8 | (tag & 0xFF) << 56
            places = came.get(tag, [])
            ports = [output for output, _ in places]
            assert len(set(ports)) == len(ports) and set(ports) in choices, (
                f"flit {row} of input {i}: expected at {choices}, came to {ports}")
            if row["first"]:
                ways[row["vc"]] = [set(ports)], multicast
            total += len(ports)
            for output, cycle in places:
                queue = row["vc"], output, multicast
                assert last.get(queue, -1) < cycle, f"out of order: {row} of input {i}"
                last[queue] = cycle
    assert total == len(delivered["tag"])
