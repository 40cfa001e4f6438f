"""State of routers, endpoints and the wires between them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lightloom.sim.wires import SLOTS, Wires, make_wires

from .draw import make_streams

IDLE, NOWHERE = -1, -1
"""No packet in a VC; no wire at an output."""


class Wiring(NamedTuple):
    """R routers of P ports, E endpoints.

    The wire into input i of router r has number r * P + i, that into endpoint e R * P + e; its
    credits go back on it.
    """

    routers: int
    ports: int
    endpoints: int
    out: np.ndarray         # int64[R * P]: wire at an output, or NOWHERE
    back: np.ndarray        # int64[R * P + E]: output that sends on a wire, or NOWHERE: an endpoint
    inject: np.ndarray      # int64[E]: wire that the endpoint sends on
    route: np.ndarray       # int16[R * E]: output for a destination; IDLE: any of `up`
    up: np.ndarray          # int16[R, 2]: the first of the outputs that lead upwards, their number


class VCState(NamedTuple):
    """Registers and tables; V VCs of D flits at an input.

    Port g of all is r * P + p, an input or an output; lane g * V + v is one of its VCs.
    """

    wiring: Wiring
    wires: Wires
    flits_due: np.ndarray    # uint64[SLOTS * R]: inputs to which a wire brings a flit, by cycle
    credits_due: np.ndarray  # uint64[SLOTS * R]: outputs to which one brings credits
    vcs: int
    depth: int
    channel: int
    traverse: int
    credit_delay: int
    # Inputs.
    flits: np.ndarray       # int64[lanes * D]: ring buffers
    head: np.ndarray        # int16[lanes]
    count: np.ndarray       # int16[lanes]
    goes: np.ndarray        # int16[lanes]: output of the packet in front, or IDLE
    out_vc: np.ndarray      # uint8[lanes]: its VC there, once allocated
    asking: np.ndarray      # uint64[ports]: VCs that want an output VC
    ready: np.ndarray       # uint64[ports]: VCs that have one and a flit
    asking_in: np.ndarray   # uint64[R]: inputs where a VC asks
    ready_in: np.ndarray    # uint64[R]
    # Outputs.
    free: np.ndarray        # uint64[ports]: VCs of the next input that no packet holds
    credits: np.ndarray     # int16[lanes]
    # Round-robin pointers: input first, then output, of the two allocators.
    vc_pick: np.ndarray     # int32[lanes]: output lane from which an input lane looks
    vc_grant: np.ndarray    # int32[lanes]: input lane from which an output lane looks
    pick: np.ndarray        # int16[ports]: output from which an input looks
    pick_vc: np.ndarray     # int16[ports]: VC from which it looks, of those for one output
    grant: np.ndarray       # int16[ports]: input from which an output looks
    # Within a step.
    best: np.ndarray        # int32[P * V]: input lane that an output lane would be granted to
    touched: np.ndarray     # int32[P * V]: output lanes asked for
    asked: np.ndarray       # uint64[P]: inputs that an output is asked by
    picked: np.ndarray      # int16[P]: VC that an input asks for
    # Endpoints.
    next_at: np.ndarray     # int64[E]: cycle in which the next packet is created
    left: np.ndarray        # int32[E]: flits of the packet being sent
    word: np.ndarray        # int64[E]: its flits without VC and place
    sends_on: np.ndarray    # int16[E]: its VC, or IDLE: still to be chosen
    last_vc: np.ndarray     # int16[E]: that of the last packet
    stock: np.ndarray       # int16[E * V]: credits
    streams: np.ndarray     # uint64[E + R]: random numbers of endpoints, then of routers


def make_state(router, wiring: Wiring, seed: int) -> VCState:
    """All empty, all credits at home.

    Parameters
    ----------
    router : .router.VCRouter
    """
    ports, vcs, depth = wiring.routers * wiring.ports, router.vcs, router.depth
    lanes, ends, own = ports * vcs, wiring.endpoints, wiring.ports * vcs
    return VCState(
        wiring=wiring, wires=make_wires(ports + ends),
        flits_due=np.zeros(SLOTS * wiring.routers, np.uint64),
        credits_due=np.zeros(SLOTS * wiring.routers, np.uint64), vcs=vcs, depth=depth,
        channel=router.channel, traverse=router.traverse, credit_delay=router.credit_delay,
        flits=np.zeros(lanes * depth, np.int64), head=np.zeros(lanes, np.int16),
        count=np.zeros(lanes, np.int16), goes=np.full(lanes, IDLE, np.int16),
        out_vc=np.zeros(lanes, np.uint8), asking=np.zeros(ports, np.uint64),
        ready=np.zeros(ports, np.uint64), asking_in=np.zeros(wiring.routers, np.uint64),
        ready_in=np.zeros(wiring.routers, np.uint64),
        free=np.full(ports, (1 << vcs) - 1, np.uint64), credits=np.full(lanes, depth, np.int16),
        vc_pick=np.zeros(lanes, np.int32), vc_grant=np.zeros(lanes, np.int32),
        pick=np.zeros(ports, np.int16), pick_vc=np.zeros(ports, np.int16),
        grant=np.zeros(ports, np.int16), best=np.full(own, IDLE, np.int32),
        touched=np.zeros(own, np.int32), asked=np.zeros(wiring.ports, np.uint64),
        picked=np.zeros(wiring.ports, np.int16), next_at=np.zeros(ends, np.int64),
        left=np.zeros(ends, np.int32), word=np.zeros(ends, np.int64),
        sends_on=np.full(ends, IDLE, np.int16), last_vc=np.full(ends, vcs - 1, np.int16),
        stock=np.full(ends * vcs, depth, np.int16),
        streams=make_streams(seed, ends + wiring.routers))
