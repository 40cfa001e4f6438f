"""What follows from a configuration: widths, frame capacity, pipeline delays, round trip.

The stage counts in :data:`STAGES` are the contract of `docs/` (each page's timing section);
the RTL is tested against them, and the model is built from the same pages.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from types import SimpleNamespace

FIBRE_NS_PER_M = 4.9
"""Group delay of single-mode fibre, ns/m (group index 1.468)."""

STAGES = SimpleNamespace(
    xbar=4,          # flit at a crossbar input -> same flit at its output, unloaded
    xbar_second=3,   # more, with two stages of routing, matching, reading
    link_tx=5,       # flit at the link's input -> its beat offered to the adapter
    link_rx=4,       # tail beat at the link's input -> first flit at its output
    adapter_tx=5,    # beat accepted -> first bit in the transmit word register
    adapter_rx=6,    # last bit in the receive word input -> beat out
    crossing=3,      # written into an asynchronous FIFO -> readable; read -> room for the writer
    lane_start=2,    # reset released -> first cycle of the logic on a lane's clock
)
"""Pipeline depth of each block, in cycles; the core clock and the lanes' are one clock here."""

CROSSING_DEPTH = 8
"""Entries of the FIFO at a crossing: they cover its round trip at an entry a cycle."""

DESKEW_SLACK = 4
"""Entries of a deskew FIFO beyond `deskew_blocks`: what comes before the first row is read."""

FEC_BLOCKS = {"none": (1, 0), "rs152": (16, 1), "rs544": (79, 5)}
"""Payload and parity blocks of a codeword (docs/fec.md)."""

FEC_LATENCY = {"none": 0, "rs152": 14, "rs544": 68}
"""Cycles from a codeword's last block to its first one out of the decoder (docs/fec.md)."""

HIGH_BER_BLOCKS = 19_531
"""Window of the high-BER monitor: 125 us of 66-bit blocks at 10.3125 Gb/s (IEEE 802.3
cl. 49.2.13.2.2); counted in blocks it asks the same of every rate."""

TAIL_FIXED_BITS = 8 + 1 + 2 + 2 + 32
"""Block type, NAK, NAK epoch, epoch, CRC-32C: the part of a tail that never varies."""

LANE_LEAK_CYCLES = 1024
"""A lane's error level falls by one in so many cycles: what a healthy lane makes is forgotten."""


@dataclass(frozen=True)
class Derived:
    flit_bits: int        # payload of a flit
    blocks: int           # W: 64-bit blocks in a beat (one flit)
    word_mhz: float       # clock of a lane's words
    lane_bits: float      # line bits of a lane in a core cycle
    common_clock: bool    # the words' clock is nominally the core clock
    code_rate: float      # payload bits of a line bit: 64/66, FEC, markers
    skew_ns: float        # skew between lanes that is covered
    deskew_depth: int     # blocks that a lane's deskew FIFO holds
    ports: int            # host ports, then optical ports
    vc_bits: int
    id_bits: int          # width of source and destination
    port_bits: int
    seq_bits: int         # flit sequence numbers, modulo 2**seq_bits
    credit_bits: int      # cumulative credit counts, modulo 2**credit_bits
    count_bits: int       # flits in a frame, 0..frame_flits
    meta_bits: int        # per-flit metadata in a tail: vc, first, end
    head_bits: int        # per-packet-head data in a tail: src, dst
    frame_heads: int      # H: most packet heads in one frame
    fibre_cycles: int     # one-way flight time
    round_trip: int       # flit leaves the replay buffer -> its slot or credit is back, cycles
    timeout_cycles: int   # no acknowledge for this long starts a replay
    silence_cycles: int   # nothing good from the partner for this long: the link is down
    strike_rest: int      # no strike for this long brings back the lane that strikes took out
    lane_patience: int    # cycles that a lane may be without markers while others have them
    bringup_cycles: int   # reset of both ends -> both ACTIVE, on a channel without errors
    port_gbps: float      # line rate of one optical port, each way


def bits_for(count: int) -> int:
    """Bits that number `count` things (at least 1)."""
    return max(1, (count - 1).bit_length())


def scrambler_seed(lane: int) -> int:
    """State of a lane's scrambler after reset, 58 bits; bit i is the bit sent i+1 bits ago."""
    return (lane + 1) * 0x1F2E3D4C5B6A79 % 2**58


@lru_cache(maxsize=64)
def derive(cfg) -> Derived:
    chiplet, serdes, link, xbar = cfg.chiplet, cfg.serdes, cfg.link, cfg.xbar
    blocks = chiplet.flit_bytes // 8
    seq_bits = (link.replay_flits - 1).bit_length() + 1
    credit_bits = xbar.vc_depth.bit_length()
    count_bits = link.frame_flits.bit_length()
    vc_bits = bits_for(chiplet.vcs)
    id_bits = bits_for(chiplet.endpoints)
    meta_bits = vc_bits + 1 + 2
    head_bits = 2 * id_bits
    room = chiplet.flit_bytes * 8 - (
        TAIL_FIXED_BITS
        + serdes.lanes
        + count_bits
        + 2 * seq_bits
        + chiplet.vcs * credit_bits
        + link.frame_flits * meta_bits
    )
    fibre = math.ceil(cfg.rack.fibre_m * FIBRE_NS_PER_M * chiplet.core_mhz / 1000)
    word_mhz = serdes.lane_gbps * 1000 / serdes.word_bits
    lane_bits = serdes.lane_gbps * 1000 / chiplet.core_mhz
    payload, parity = FEC_BLOCKS[serdes.fec]
    # A FEC decoder gives the blocks of a codeword a whole number of words apart (docs/fec.md).
    burst = 66 / serdes.word_bits / (66 // serdes.word_bits) if parity else 1
    code_rate = (64 / 66 * payload / (payload + parity)
                 * serdes.marker_period / (serdes.marker_period + 1))
    cycles_per_beat = blocks * 64 / (serdes.lanes * lane_bits)
    # Worst case of a loop: a whole frame ahead of us on the way out, ours, and a whole frame
    # ahead of the acknowledge on the way back.
    frame = math.ceil((link.frame_flits + 1) * cycles_per_beat * 66 / 64) + 1
    # A row and its wait for a slot; a full FIFO of rows ahead of it.
    rows = math.ceil((1 + CROSSING_DEPTH * serdes.lanes / max(blocks, serdes.lanes))
                     * 66 / lane_bits)
    fec_delay = payload + parity - 1 + FEC_LATENCY[serdes.fec]    # at a block a cycle
    hop = (
        STAGES.link_tx + STAGES.adapter_tx + STAGES.adapter_rx + STAGES.link_rx
        + math.ceil(fec_delay * 66 / min(66, lane_bits)) + fibre + rows + frame
    )
    round_trip = 2 * hop + STAGES.xbar + STAGES.xbar_second * (xbar.stages - 1)
    # Block lock: up to 65 slips, of 2 headers in the mean and the 4 blocks after it, and a margin
    # of five standard deviations; 64 good headers. Alignment: a marker row, and the next one.
    rows = 65 * (2 + 4) + 60 + 64 + 3 * (serdes.marker_period + 1)
    # FEC: each phase of a codeword tried for two codewords.
    rows += (payload + parity) * 3 * (payload + parity) if parity else 0
    # A session begins with a quiet round trip; then each end must hear the other.
    bringup = math.ceil(rows * 66 / lane_bits) + 5 * round_trip
    ports = chiplet.host_ports + chiplet.optical_ports
    return Derived(
        flit_bits=chiplet.flit_bytes * 8,
        blocks=blocks,
        word_mhz=word_mhz,
        lane_bits=lane_bits,
        common_clock=math.isclose(word_mhz, chiplet.core_mhz, rel_tol=1e-9),
        code_rate=code_rate,
        deskew_depth=DESKEW_SLACK + math.ceil(serdes.deskew_blocks * burst),
        skew_ns=serdes.deskew_blocks * 66 / serdes.lane_gbps,
        ports=ports,
        vc_bits=vc_bits,
        id_bits=id_bits,
        port_bits=bits_for(ports),
        seq_bits=seq_bits,
        credit_bits=credit_bits,
        count_bits=count_bits,
        meta_bits=meta_bits,
        head_bits=head_bits,
        frame_heads=min(link.frame_flits, max(0, room // head_bits)),
        fibre_cycles=fibre,
        round_trip=round_trip,
        timeout_cycles=4 * round_trip,
        silence_cycles=4 * link.keepalive_cycles + round_trip,
        strike_rest=2 * link.replay_limit * 4 * round_trip,
        lane_patience=math.ceil(4 * (serdes.marker_period + 1) * 66 / lane_bits),
        bringup_cycles=bringup,
        port_gbps=serdes.lanes * serdes.lane_gbps,
    )
