"""Two adapters with clocks of their own, and lanes on which things happen."""

import numpy as np
import pytest
from serdes_cases import (
    bring_up_cycles,
    cycles_for,
    least_core,
    make,
    paced_offers,
    random_line,
    sent_as,
    unaligned,
)

from lightloom.flow.cache import to_verilog
from lightloom.hdl.serdes.layer import AdapterRx, AdapterTx
from lightloom.hdl.serdes.port import Adapter
from lightloom.hdl.serdes.types import Loopback, Pattern
from lightloom.tb.line_harness import FOR_EVER, End, Event, Line, run_line

SHAPE = "4x4-66"
LATENCY = 12
"""Cycles by which the times in these tests may be wrong: resets, crossings, pipelines."""


def one_way(cfg):
    return {"adapter_tx": to_verilog(AdapterTx(cfg), name="adapter_tx"),
            "adapter_rx": to_verilog(AdapterRx(cfg), name="adapter_rx")}


def two_ways(cfg):
    return {"adapter": to_verilog(Adapter(cfg), name="adapter")}


def arrival(cfg, line, bit):
    """Core cycle of the receiver, about, in which a beat with this bit of the line comes out."""
    bits = bit + max(line.skew, default=0) + 2 * cfg.serdes.word_bits + 1024
    return bits / cfg.derived.lane_bits + 8


def bit_at(cfg, cycle):
    """Bit that is sent in a core cycle of the transmitter, about."""
    return int(cycle * cfg.derived.lane_bits)


def assert_lossless(offers, run, *, first=0):
    """All beats from the `first` on came, in order and unchanged."""
    assert np.array_equal(sent_as(offers, run.beats), np.arange(first, len(offers)))


def assert_lost_only_while_unaligned(offers, run, cycles, spoiled=0, late=0):
    """Beats come in order, with gaps only where the port was not aligned; up to `spoiled` beats
    beside such a span are altered, or lost, those of `late` cycles before it among them. Returns
    how many were lost."""
    seen, cycle = sent_as(offers, run.beats), run.beats.cycle
    spans = unaligned(run.status, cycles)
    near = lambda c: any(a - LATENCY - late <= c <= b + LATENCY for a, b in spans)
    bad = cycle[seen < 0]
    assert len(bad) <= spoiled and all(near(c) for c in bad)
    cycle, seen = cycle[seen >= 0], seen[seen >= 0]
    steps = np.diff(seen)
    assert (steps > 0).all(), "beats out of order or twice"
    for k in np.flatnonzero(steps > 1):
        assert any(a - late <= cycle[k + 1] and b >= cycle[k] - LATENCY for a, b in spans), (
            f"beats {seen[k] + 1}..{seen[k + 1] - 1} lost in cycles {cycle[k]}..{cycle[k + 1]}")
    return int((steps - 1).sum())


def assert_healthy(status, **counts):
    """Nothing was ever wrong, but for `counts` of the port."""
    assert status["aligned"]
    assert (status["realigns"], status["broken_beats"]) == (
        counts.get("realigns", 0), counts.get("broken_beats", 0))
    for lane in status["lanes"]:
        assert lane["clock"] and lane["signal"] and lane["locked"] and lane["marker_lock"]
        assert not (lane["bad_headers"] or lane["bad_types"] or lane["bip_errors"]
                    or lane["lock_losses"] or lane["high_ber"])


def full_load(shape, ppm, blocks, seed, folder, **options):
    """At full load over clocks `ppm` off, the core clocks as slow as they may be."""
    cfg, rng = least_core(shape), np.random.default_rng(seed)
    start, beats = bring_up_cycles(cfg), blocks // cfg.derived.blocks
    offers = paced_offers(cfg, rng, beats, start=start)
    cycles = start + cycles_for(cfg, beats)
    a, b = run_line(cfg, one_way(cfg), End(ppm=-ppm, offers=offers), End(ppm=-ppm, phase=0.3),
                    cycles, there=random_line(cfg, rng, ppm=ppm), folder=folder, seed=seed,
                    **options)
    assert len(a.taken) == beats and a.status[-1][1]["bad_beats"] == 0
    assert_lossless(offers, b)
    assert_healthy(b.status[-1][1])
    return a, b


@pytest.mark.parametrize(("shape", "ppm"), [
    ("4x4-66", 300), ("5x8-40", -100), *(pytest.param(*case, marks=pytest.mark.long) for case in (
        ("4x4-64", -300), ("3x4-20", 100), ("8x2-16", 300)))])
def test_ten_thousand_blocks_over_clocks_that_differ_lose_nothing(shape, ppm, seed, tmp_path):
    full_load(shape, ppm, 10_000, seed, tmp_path)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("shape", "ppm"), [
    ("4x4-66", 300), ("4x4-66", -300), ("4x4-64", 100), ("4x4-64", -100)])
def test_a_million_blocks_over_clocks_that_differ_lose_nothing(shape, ppm, seed, tmp_path):
    full_load(shape, ppm, 1_000_000, seed, tmp_path, simulator="verilator")


def test_each_lane_in_turn_is_unplugged_under_traffic_and_comes_back(seed, tmp_path):
    cfg, rng = make(SHAPE), np.random.default_rng(seed)
    start, step = bring_up_cycles(cfg), 1400
    line, events, control = random_line(cfg, rng), [], []
    for wire, lane in enumerate(line.order):
        at = start + 200 + step * wire
        events.append(Event(wire, "dark", bit_at(cfg, at) + int(rng.integers(66)),
                            bit_at(cfg, 300)))
        control += [(at + 100, {"lanes_off": 1 << lane}), (at + 1000, {})]
    cycles = start + step * 4 + 400
    offers = paced_offers(cfg, rng, cycles - start - 100, start=start)
    line = Line(**{**line.__dict__, "events": tuple(events)})
    _, b = run_line(cfg, one_way(cfg), End(offers=offers, control=control), End(), cycles,
                    there=line, folder=tmp_path, seed=seed)
    lost = assert_lost_only_while_unaligned(offers, b, cycles, spoiled=8)
    spans = unaligned(b.status, cycles)
    print(f"{lost} of {len(offers)} beats lost, unaligned in cycles {spans}")
    final = b.status[-1][1]
    assert final["aligned"] and final["live"] == 0b1111 and len(b.beats.cycle) > 1000
    # Dark, then without the lane, then with it again.
    assert len(spans) == 1 + 2 * 4 and final["realigns"] == 2 * 4
    live = [fields["live"] for _, fields in b.status if fields["aligned"]]
    assert set(live) == {0b1111, *(0b1111 & ~(1 << lane) for lane in range(4))}


def bursts(cfg, rng, line, bits, count, start):
    """Error bursts of 1..200 bits, at every phase of the blocks and of the marker rows."""
    events, at = [], start
    for _ in range(count):
        events.append(Event(int(rng.integers(cfg.serdes.lanes)), str(rng.choice(["flip", "noise"])),
                            at, int(rng.integers(1, bits + 1))))
        at += 66 * (2 * (cfg.serdes.marker_period + 1) + 5) + 7
    return Line(**{**line.__dict__, "events": tuple(events)}), at


def assert_right_after_the_next_marker_row(cfg, offers, run, line):
    period = 66 * (cfg.serdes.marker_period + 1)
    seen, cycle = sent_as(offers, run.beats), run.beats.cycle
    events = sorted(line.events, key=lambda e: e.bit)
    begins = [arrival(cfg, Line(), e.bit) - LATENCY for e in events] + [np.inf]
    for event, following in zip(events, begins[1:], strict=True):
        marker_row = -(-(event.bit + event.bits) // period) * period + 6 * cfg.serdes.word_bits
        part = seen[(cycle > arrival(cfg, line, marker_row + 66) + LATENCY) & (cycle < following)]
        assert len(part) and (part >= 0).all() and (np.diff(part) == 1).all(), event
    clean = seen[cycle < begins[0]]
    assert (np.diff(clean) == 1).all() and clean[0] == 0


def error_bursts(count, seed, folder, **options):
    cfg, rng = make(SHAPE), np.random.default_rng(seed)
    start = bring_up_cycles(cfg)
    line, end = bursts(cfg, rng, random_line(cfg, rng), 200, count, bit_at(cfg, start + 100))
    cycles = int(arrival(cfg, line, end)) + 100
    # Now and then the row former runs dry, so that there are pads and idle rows to be hit.
    offers = [(start + k + (k // 7 if k // 200 % 2 else 0), *beat) for k, (_, *beat) in
              enumerate(paced_offers(cfg, rng, cycles - start))]
    offers = [offer for offer in offers if offer[0] < cycles - 60]
    _, b = run_line(cfg, one_way(cfg), End(offers=offers), End(), cycles, there=line,
                    folder=folder, seed=seed, **options)
    assert_right_after_the_next_marker_row(cfg, offers, b, line)
    status = b.status[-1][1]
    assert status["aligned"] and status["realigns"] == 0
    assert not any(lane["lock_losses"] for lane in status["lanes"])
    assert sum(lane["bip_errors"] for lane in status["lanes"]) > count // 2


def test_after_an_error_burst_all_is_right_from_the_next_marker_row_on(seed, tmp_path):
    error_bursts(20, seed, tmp_path)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_after_each_of_2000_error_bursts_all_is_right_from_the_next_marker_row_on(seed, tmp_path):
    error_bursts(2000, seed, tmp_path, simulator="verilator")


def test_lanes_may_start_in_any_order_with_any_polarity(seed, tmp_path):
    cfg, rng = make(SHAPE), np.random.default_rng(seed)
    dark = rng.integers(0, bit_at(cfg, 1000), 4)
    dark[rng.integers(4)] = bit_at(cfg, 1000)
    invert = rng.integers(0, 2, 4)
    there = random_line(cfg, rng, invert=tuple(invert), events=tuple(
        Event(wire, "dark", 0, int(bits)) for wire, bits in enumerate(dark)))
    start = 1000 + bring_up_cycles(cfg)
    offers = paced_offers(cfg, rng, 500, start=start)
    control = [(0, {"lanes": [{"invert": int(i)} for i in invert]})]
    _, b = run_line(cfg, one_way(cfg), End(ppm=100, offers=offers), End(control=control),
                    start + 800, there=there, folder=tmp_path, seed=seed)
    assert_lossless(offers, b)
    status = b.status[-1][1]
    assert status["aligned"] and status["live"] == 0b1111
    assert [lane["lane"] for lane in status["lanes"]] == list(there.order)


@pytest.mark.parametrize("kind", ["dark", "stop"])
def test_a_lane_dead_for_a_bit_a_block_a_microsecond_or_for_ever(kind, seed, tmp_path):
    cfg, rng = make(SHAPE), np.random.default_rng(seed)
    start, wait, line = bring_up_cycles(cfg), 1000, random_line(cfg, rng)
    wire = int(rng.integers(4))
    lengths = (1, 66, int(1000 * cfg.serdes.lane_gbps), FOR_EVER)
    begin = [start + 200, start + 200 + wait, start + 200 + 2 * wait, start + 1200 + 3 * wait]
    line = Line(**{**line.__dict__, "events": tuple(
        Event(wire, kind, bit_at(cfg, at), bits) for at, bits in zip(begin, lengths, strict=True))})
    off = begin[-1] + 500
    cycles = off + 600
    offers = paced_offers(cfg, rng, cycles - start - 60, start=start)
    _, b = run_line(cfg, one_way(cfg),
                    End(offers=offers, control=[(off, {"lanes_off": 1 << int(line.order[wire])})]),
                    End(), cycles, there=line, folder=tmp_path, seed=seed)
    spans = unaligned(b.status, cycles)
    print(kind, "unaligned in cycles", spans)
    # A clock that misses a few edges is seen only when its lane's markers come late, four times.
    late = 5 * (cfg.serdes.marker_period + 1) if kind == "stop" else 0
    assert_lost_only_while_unaligned(offers, b, cycles, spoiled=4 + 4 * late, late=late)
    status = b.status[-1][1]
    assert status["aligned"] and status["live"] == 0b1111 & ~(1 << line.order[wire])
    assert status["lanes"][wire]["clock"] == (kind == "dark")
    assert status["lanes"][wire]["signal"] == status["lanes"][wire]["locked"] == 0
    assert len(spans) >= 4


@pytest.mark.parametrize("shape", [
    "4x4-66", *(pytest.param(shape, marks=pytest.mark.long) for shape in ("4x4-64", "1x2-32"))])
def test_slips_by_request_find_any_phase(shape, seed, tmp_path):
    cfg, rng = make(shape, serdes__slip="request"), np.random.default_rng(seed)
    start = 33 * 66 * 66 // cfg.serdes.word_bits + bring_up_cycles(cfg)
    offers = paced_offers(cfg, rng, 300, start=start)
    _, b = run_line(cfg, one_way(cfg), End(offers=offers), End(ppm=100),
                    start + cycles_for(cfg, 300), there=random_line(cfg, rng), folder=tmp_path,
                    seed=seed)
    assert_lossless(offers, b)
    assert b.status[-1][1]["aligned"]


def test_near_loopback_gives_the_beats_sent(seed, tmp_path):
    cfg, rng = make(SHAPE), np.random.default_rng(seed)
    start = bring_up_cycles(cfg)
    offers = paced_offers(cfg, rng, 400, start=start)
    a, b = run_line(cfg, two_ways(cfg),
                    End(offers=offers, control=[(0, {"loopback": Loopback.NEAR})]), End(),
                    start + 700, there=random_line(cfg, rng), back=random_line(cfg, rng),
                    folder=tmp_path, seed=seed)
    assert_lossless(offers, a)
    assert a.status[-1][1]["rx"]["aligned"]


def test_far_loopback_sends_back_what_it_receives(seed, tmp_path):
    cfg, rng = make(SHAPE), np.random.default_rng(seed)
    start = bring_up_cycles(cfg) + 200
    offers = paced_offers(cfg, rng, 400, start=start, every=2)
    a, b = run_line(cfg, two_ways(cfg), End(offers=offers),
                    End(control=[(0, {"loopback": Loopback.FAR})]), start + 1200,
                    there=random_line(cfg, rng, ppm=300), back=random_line(cfg, rng, ppm=-300),
                    folder=tmp_path, seed=seed)
    assert_lossless(offers, a)
    assert not len(b.beats.cycle) and b.status[-1][1]["loop_drops"] == 0


def test_both_directions_carry_beats_at_once(seed, tmp_path):
    cfg, rng = make(SHAPE), np.random.default_rng(seed)
    start = bring_up_cycles(cfg)
    offers = [paced_offers(cfg, rng, 400, start=start) for _ in "ab"]
    a, b = run_line(cfg, two_ways(cfg), End(offers=offers[0]), End(ppm=-200, offers=offers[1]),
                    start + 700, there=random_line(cfg, rng, ppm=200),
                    back=random_line(cfg, rng, ppm=-100), folder=tmp_path, seed=seed)
    assert_lossless(offers[0], b)
    assert_lossless(offers[1], a)


@pytest.mark.parametrize(("pattern", "terms"), [
    (Pattern.PRBS31, 3), (Pattern.PRBS13, 5), (Pattern.SQUARE, 2)])
def test_pattern_errors_are_counted_exactly_and_clearing_loses_none(
        pattern, terms, seed, tmp_path):
    cfg, rng = make(SHAPE), np.random.default_rng(seed)
    start, line = bring_up_cycles(cfg), random_line(cfg, rng)
    wire = int(rng.integers(4))
    lane = int(line.order[wire])
    # Errors so far apart that none falls on another's terms.
    flips = 30
    at = bit_at(cfg, start + 300) + 100 * np.cumsum(rng.integers(1, 40, flips))
    events = [Event(wire, "flip", int(bit), 1) for bit in at]
    line = Line(**{**line.__dict__, "events": tuple(events)})
    end = int(arrival(cfg, line, int(at[-1])))
    cycles = end + 400
    lanes = [{"pattern": pattern if k == lane else Pattern.NONE} for k in range(4)]
    checked = [{"pattern": pattern if k == wire else Pattern.NONE} for k in range(4)]
    more = rng.integers(start + 202, end + 100, 20) // 2 * 2
    clears = sorted({start + 200, *map(int, more)})
    control = [(0, {"lanes": checked})]
    for cycle in clears:
        control += [(cycle, {"clear": 1, "lanes": checked}), (cycle + 1, {"lanes": checked})]
    offers = paced_offers(cfg, rng, 400, start=start)
    _, b = run_line(cfg, one_way(cfg),
                    End(offers=offers, control=[(0, {"lanes_off": 1 << lane, "lanes": lanes})]),
                    End(control=control), cycles, there=line, folder=tmp_path, seed=seed)
    assert_lossless(offers, b)
    # A status is recorded in the cycle of each clear, and at the end.
    first, *read = [fields["lanes"][wire] for cycle, fields in b.status
                    if cycle in clears or cycle >= cycles]
    assert len(read) == len(clears)
    assert sum(fields["pattern_errors"] for fields in read) == terms * flips
    words = sum(fields["pattern_words"] for fields in read)
    assert abs(words - (cycles - clears[0])) <= 2 * 64 + 40
    status = b.status[-1][1]
    assert status["live"] == 0b1111 & ~(1 << lane) and not status["lanes"][wire]["locked"]


def test_sixteen_bad_headers_in_a_window_set_the_high_ber_flag(seed, tmp_path):
    cfg, rng = make(SHAPE), np.random.default_rng(seed)
    start, line = bring_up_cycles(cfg), random_line(cfg, rng)
    wires = rng.permutation(4)[:2]
    # With words of a block, a block begins where a word does.
    first = 66 * start
    events = [Event(int(wire), "flip", first + 66 * 40 * k + int(rng.integers(2)), 1)
              for wire, count in zip(wires, (16, 15), strict=True) for k in range(count)]
    line = Line(**{**line.__dict__, "events": tuple(events)})
    _, b = run_line(cfg, one_way(cfg), End(), End(), start + 900, there=line, folder=tmp_path,
                    seed=seed)
    status = b.status[-1][1]
    assert [status["lanes"][w]["bad_headers"] for w in wires] == [16, 15]
    assert [lane["high_ber"] for lane in status["lanes"]] == [int(w == wires[0]) for w in range(4)]
    assert status["aligned"]


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_the_high_ber_flag_falls_after_a_window_with_fewer(seed, tmp_path):
    cfg = make("1x2-32")
    start = bring_up_cycles(cfg)
    noise = Event(0, "noise", bit_at(cfg, start), 66 * 60)
    cycles = start + 2 * 19_531 * 66 // 32 + 3000
    _, b = run_line(cfg, one_way(cfg), End(), End(), cycles, there=Line(events=(noise,)),
                    status_every=500, folder=tmp_path, seed=seed, simulator="verilator")
    flags = [fields["lanes"][0]["high_ber"] for _, fields in b.status]
    assert flags[0] == flags[-1] == 0 and 1 in flags and np.abs(np.diff(flags)).sum() == 2
