"""What the adapter costs: payload of a line bit, and cycles from beat to beat."""

import numpy as np
import pytest
from serdes_cases import (
    SLOW,
    bring_up_cycles,
    cycles_on_the_line,
    dense_offers,
    make,
    random_line,
    through_channel,
)

from lightloom.flow.cache import to_verilog
from lightloom.hdl.serdes.layer import AdapterRx, AdapterTx
from lightloom.tb.line_harness import End, run_line
from lightloom.tb.serdes_harness import run_receiver, run_transmitter

SIXTEEN = {"chiplet__flit_bytes": 64, "serdes__lanes": 16, "serdes__marker_period": 512,
           "serdes__deskew_blocks": 32, "link__frame_flits": 32, **SLOW}
EFFICIENT = {
    "4 lanes": {"serdes__lanes": 4, "serdes__marker_period": 512, "serdes__deskew_blocks": 32,
                "serdes__word_bits": 66, "serdes__lane_gbps": 33.0, "chiplet__core_mhz": 500.4,
                **SLOW},
    "66": {**SIXTEEN, "serdes__word_bits": 66, "serdes__lane_gbps": 33.0,
           "chiplet__core_mhz": 1000.7},
    "32": {**SIXTEEN, "serdes__word_bits": 32, "serdes__lane_gbps": 32.0,
           "chiplet__core_mhz": 1000.0},
}
"""Four lanes; sixteen: words of a block with a core of twice their rate, and the profile `tera`."""


def efficiency(name, live, blocks, seed, folder):
    """Payload bits out of line bits in, for each number of `live` lanes, under full load."""
    cfg, rng = make("4x4-64", **EFFICIENT[name]), np.random.default_rng(seed)
    d, lanes = cfg.derived, cfg.serdes.lanes
    rows = blocks // (len(live) * lanes)
    # Rows of marker periods in which all is aligned; twice as many in front of them to change.
    period = cfg.serdes.marker_period + 1
    span = max(1, round(rows / period))
    cycles_of = lambda periods: int(periods * period * 66 / d.lane_bits)
    start, windows, control = bring_up_cycles(cfg) * 66 // (66 + cfg.serdes.word_bits), [], []
    at = start + cycles_of(1)
    for count in live:
        off = ((1 << lanes) - 1) & ~sum(1 << int(k) for k in rng.choice(lanes, count, False))
        control.append((at, {"lanes_off": off}))
        at += cycles_of(4)
        windows.append((at, at + cycles_of(span)))
        at += cycles_of(span)
    beats = dense_offers(cfg, rng, at)
    _, b = run_line(
        cfg, {"adapter_tx": to_verilog(AdapterTx(cfg), name="adapter_tx"),
              "adapter_rx": to_verilog(AdapterRx(cfg), name="adapter_rx")},
        End(offers=beats, control=control), End(), at + 100, there=random_line(cfg, rng),
        folder=folder, seed=seed, simulator="verilator")
    shares, received = {}, 0
    for count, (begin, end) in zip(live, windows, strict=True):
        out = ((b.beats.cycle >= begin) & (b.beats.cycle < end)).sum() * d.blocks * 64
        received += out // 64
        shares[count] = out / ((end - begin) * lanes * d.lane_bits)
    for count, share in shares.items():
        print(f"words of {cfg.serdes.word_bits} bits, {count} of {lanes} lanes live: {share:.4f} "
              f"of the line, {share * lanes / count:.4f} of the live lanes")
        assert share >= 0.965 * count / lanes
    print(f"{received} blocks, {b.status[-1][1]['realigns']} realigns")


@pytest.mark.slow
def test_of_a_line_bit_965_parts_in_1000_are_payload(seed, tmp_path):
    efficiency("4 lanes", (4, 3, 1), 12_000, seed, tmp_path)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", ["66", "32"])
def test_of_a_line_bit_965_parts_in_1000_are_payload_for_a_million_blocks(name, seed, tmp_path):
    efficiency(name, (16, 15, 11, 4, 1), 1_000_000, seed, tmp_path)


LATENCY = {
    1: {"chiplet__flit_bytes": 16, "link__frame_flits": 4, "serdes__lanes": 1, **SLOW},
    4: {"serdes__lanes": 4, **SLOW},
    16: {"chiplet__flit_bytes": 64, "serdes__lanes": 16, "link__frame_flits": 16, **SLOW},
}
WORDS = {66: {"serdes__word_bits": 66, "serdes__lane_gbps": 33.0, "chiplet__core_mhz": 1000.7},
         64: {"serdes__word_bits": 64, "serdes__lane_gbps": 32.0, "chiplet__core_mhz": 1000.0},
         32: {"serdes__word_bits": 32, "serdes__lane_gbps": 16.0, "chiplet__core_mhz": 500.0}}


# Every number of lanes and every word; of them those that the bound on the median is for.
BOUND = ((1, 66), (4, 64), (16, 66))
OTHERS = tuple((lanes, word) for lanes in LATENCY for word in WORDS if (lanes, word) not in BOUND)


@pytest.mark.parametrize(("lanes", "word"), [
    *BOUND, (1, 32), *(pytest.param(*case, marks=pytest.mark.long) for case in OTHERS
                       if case != (1, 32))])
def test_latency_of_lone_beats(lanes, word, seed, tmp_path):
    cfg, rng = make("4x4-64", **LATENCY[lanes], **WORDS[word]), np.random.default_rng(seed)
    start = bring_up_cycles(cfg)
    gap = 8 + 66 * cfg.derived.blocks // (cfg.serdes.lanes * word)
    offers, at = [], start
    for _, *beat in dense_offers(cfg, rng, 20):
        offers.append((at, *beat))
        at += gap + int(rng.integers(8))
    cycles = at + 40
    sent = run_transmitter(cfg, to_verilog(AdapterTx(cfg), name="adapter_tx"), offers, cycles,
                           folder=tmp_path / "tx")
    beats = run_receiver(cfg, to_verilog(AdapterRx(cfg), name="adapter_rx"), through_channel(
        sent.words, np.zeros(lanes, int), rng), folder=tmp_path / "rx").beats
    assert np.array_equal(beats.data, [data for _, data, _ in offers])
    where = {block: last for block, (_, last) in cycles_on_the_line(cfg, sent.words).items()}
    last = np.array([max(where[int(block)] for block in data) for _, data, _ in offers])
    tx, rx, all_ = last - sent.accepted, beats.cycle - last, beats.cycle - sent.accepted
    spread = lambda parts: f"{parts.min()}..{parts.max()} (mean {parts.mean():.1f})"
    print(f"{lanes} lanes, W = {cfg.derived.blocks}, words of {word} bits: tx {spread(tx)}, "
          f"rx {spread(rx)}, together {spread(all_)} cycles")
    # A cycle more for a beat's second row or the padding of half a row, and for the rest of a block
    # in a second word.
    if word == 66 or (word == 64 and lanes == cfg.derived.blocks):
        assert np.median(all_) <= 12
