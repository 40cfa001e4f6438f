"""Relations between fields that a working configuration must hold."""

from __future__ import annotations

import math

from .derived import derive


class RelationError(ValueError):
    """One broken relation: the field to change, its value, and what is allowed."""

    def __init__(self, field: str, value, allowed: str):
        self.field, self.value, self.allowed = field, value, allowed
        super().__init__(f"{field} = {value!r}: {allowed}")


def _require(ok: bool, field: str, value, allowed: str) -> None:
    if not ok:
        raise RelationError(field, value, allowed)


def _with_frame(cfg, flits: int) -> int:
    """Packet heads that fit beside `flits` flits in a frame."""
    link = cfg.link.model_copy(update={"frame_flits": flits})
    return derive(cfg.model_copy(update={"link": link})).frame_heads


def check(cfg) -> None:
    """Raise :class:`RelationError` for the first relation that does not hold."""
    chiplet, serdes, link, xbar, rack = cfg.chiplet, cfg.serdes, cfg.link, cfg.xbar, cfg.rack

    ports = chiplet.host_ports + chiplet.optical_ports
    _require(2 <= ports <= 64, "chiplet.optical_ports", chiplet.optical_ports,
             f"host and optical ports together must be 2 to 64, they are {ports}")
    _require(chiplet.flit_bytes > 8 or not chiplet.optical_ports, "chiplet.flit_bytes",
             chiplet.flit_bytes,
             "must be at least 16 with optical ports: the tail of a frame is one flit")
    _require(xbar.iterations == 1 or xbar.stages == 1, "xbar.iterations", xbar.iterations,
             "must be 1 with xbar.stages = 2")
    for field, value, queued in (("xbar.ecmp", xbar.ecmp, xbar.ecmp == "occupancy"),
                                 ("xbar.voq_limit", xbar.voq_limit, xbar.voq_limit > 0)):
        _require(not queued or xbar.queues == "voq", field, value,
                 "needs a queue for each output: xbar.queues = 'voq'")
    blocks = chiplet.flit_bytes // 8
    # A row of blocks, and a beat, a core cycle: what the fastest partner sends must fit the
    # slowest core clock.
    least = (serdes.lane_gbps * 1000 / 66 * max(1, serdes.lanes / blocks)
             * (1 + 2e-6 * serdes.clock_ppm))
    _require(
        not chiplet.optical_ports or chiplet.core_mhz >= least * (1 - 1e-9),
        "chiplet.core_mhz", chiplet.core_mhz,
        f"must carry {serdes.lanes} lanes of {serdes.lane_gbps:g} Gb/s, each clock "
        f"{serdes.clock_ppm} ppm off: at least {least:.4f}")
    depth = derive(cfg).deskew_depth
    _require(serdes.marker_period >= 2 * depth, "serdes.marker_period", serdes.marker_period,
             f"must be at least twice the depth of the deskew FIFOs, 2 x {depth} = {2 * depth}, "
             "to tell which markers belong together")

    for field, value in (("link.replay_flits", link.replay_flits),
                         ("link.keepalive_cycles", link.keepalive_cycles),
                         ("link.lane_retry_cycles", link.lane_retry_cycles)):
        _require(value & (value - 1) == 0, field, value, "must be a power of two")
    # A frame's flits and the head of its first packet must fit beside the fixed fields.
    d = derive(cfg)
    if d.frame_heads < 1 and chiplet.optical_ports:
        most = next((n for n in range(link.frame_flits, 0, -1) if _with_frame(cfg, n) >= 1), 0)
        raise RelationError(
            "link.frame_flits", link.frame_flits,
            f"the metadata of so many flits does not fit a {chiplet.flit_bytes}-byte tail: "
            f"at most {most} with chiplet.vcs = {chiplet.vcs}")

    _require(xbar.vc_depth >= xbar.max_packet_flits, "xbar.vc_depth", xbar.vc_depth,
             f"must hold a whole packet: at least xbar.max_packet_flits = {xbar.max_packet_flits}")
    if chiplet.optical_ports:
        flits = math.ceil(d.round_trip * serdes.lanes * d.lane_bits / (66 * blocks))
        for field, value in (("link.replay_flits", link.replay_flits),
                             ("xbar.vc_depth", xbar.vc_depth)):
            _require(value >= flits, field, value,
                     f"must cover the round trip of {d.round_trip} cycles: at least {flits} flits")

    _require(rack.endpoints <= chiplet.endpoints, "rack.endpoints", rack.endpoints,
             f"must be at most chiplet.endpoints = {chiplet.endpoints}")
    _require(rack.planes <= max(1, chiplet.optical_ports), "rack.planes", rack.planes,
             f"must be at most chiplet.optical_ports = {chiplet.optical_ports}")
    {"clos2": _clos2, "direct": _direct, "file": _file}.get(rack.topology, _grid)(rack)
    _routing(cfg)


def _routing(cfg) -> None:
    rack, xbar = cfg.rack, cfg.xbar
    if rack.routing in ("valiant", "ugal"):
        _require(rack.topology in ("clos2", "butterfly"), "rack.routing", rack.routing,
                 f"must be 'minimal' or 'ecmp' with rack.topology = {rack.topology!r}")
        _require(len(rack.dims) <= 3 or rack.topology == "clos2", "rack.dims", rack.dims,
                 f"at most 3 dimensions with rack.routing = {rack.routing!r}: a route word "
                 "names 8 switches")
        _require(xbar.source_routing, "xbar.source_routing", xbar.source_routing,
                 f"must be true with rack.routing = {rack.routing!r}")
        _require(rack.routing == "valiant" or xbar.ecmp == "occupancy", "xbar.ecmp", xbar.ecmp,
                 "must be 'occupancy' with rack.routing = 'ugal', which compares queues")
    _require(cfg.chiplet.vcs >= rack.classes, "chiplet.vcs", cfg.chiplet.vcs,
             f"a {rack.topology} of dims {rack.dims} with rack.routing = {rack.routing!r} is free "
             f"of deadlock with at least {rack.classes}")


def _direct(rack) -> None:
    _require(rack.endpoints <= rack.radix, "rack.endpoints", rack.endpoints,
             f"one switch of rack.radix = {rack.radix} takes at most that many")


def _clos2(rack) -> None:
    _require(rack.radix % 2 == 0 or rack.switch_endpoints, "rack.radix", rack.radix,
             "must be even in a clos2 without rack.switch_endpoints")
    down, up, spines = rack.down, rack.up, rack.spine_count
    _require(down + up <= rack.radix and up >= 1, "rack.uplinks", rack.uplinks,
             f"a leaf of rack.radix = {rack.radix} with {down} endpoints has room for 1 to "
             f"{rack.radix - down}")
    _require(up % spines == 0, "rack.spines", rack.spines,
             f"must divide the {up} fibres of a leaf")
    most = rack.radix // (up // spines)
    _require(rack.endpoints % down == 0 and rack.endpoints // down <= most, "rack.endpoints",
             rack.endpoints, f"a clos2 of radix {rack.radix} with {down} endpoints on a leaf takes "
             f"a multiple of {down}, at most {down * most}")


def _grid(rack) -> None:
    """Butterfly, torus, mesh."""
    _require(rack.dims != (), "rack.dims", rack.dims,
             f"must give the size of each dimension of a {rack.topology}")
    _require(len(rack.dims) <= 3 or rack.topology == "butterfly", "rack.dims", rack.dims,
             f"a {rack.topology} has 1 to 3 dimensions")
    fits = math.prod(rack.dims) * rack.down
    _require(rack.endpoints == fits, "rack.endpoints", rack.endpoints,
             f"switches of dims {rack.dims} with {rack.down} each take {fits}")
    fibres = (sum(size - 1 for size in rack.dims) if rack.topology == "butterfly"
              else sum(2 if size > 2 else 1 for size in rack.dims))
    _require(rack.down + fibres <= rack.radix, "rack.radix", rack.radix,
             f"a switch has {rack.down} endpoints and {fibres} fibres to others: at least "
             f"{rack.down + fibres}")


def _file(rack) -> None:
    _require(rack.file != "", "rack.file", rack.file, "must name a .json or .graphml file")
