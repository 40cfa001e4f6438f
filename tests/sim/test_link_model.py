"""The link model against the closed forms and invariants of docs/link.md and docs/serdes.md."""

import numpy as np
import pytest

from lightloom import config
from lightloom.sim.flits import FULL, NO_FLIT, NONE, pack, tag_of, vc_of
from lightloom.sim.link import link_step, make_links, run_link
from lightloom.sim.wires import make_wires, put_credit, put_flit, take_credit, take_flit


def wide_flits():
    """A flit of four rows: 64 bytes over two lanes."""
    return config.override(
        config.load("sim"), chiplet__flit_bytes=64, chiplet__optical_ports=2, serdes__lanes=2,
        link__frame_flits=8)


def row_a_cycle():
    return config.override(config.load("sim"), serdes__word_bits=66, serdes__lane_gbps=33.0,
                           serdes__clock_ppm=0)


CONFIGS = {"sim": lambda: config.load("sim"), "ecp5": lambda: config.load("ecp5"),
           "tera": lambda: config.load("tera"), "wide": wide_flits, "row-a-cycle": row_a_cycle}
every_shape = pytest.mark.parametrize("make", CONFIGS.values(), ids=CONFIGS)


def packets(rng, cfg, count, *, start, lengths=(1, 2, 4, 9), vcs=None, load=1.0):
    """A stream of whole packets; tags of 48 bits."""
    stream, cycle = [], float(start)
    for _ in range(count):
        length, vc = int(rng.choice(lengths)), int(rng.integers(vcs or cfg.chiplet.vcs))
        for k in range(length):
            src, dst = (3, 5) if k == 0 else (0, 0)
            end = FULL if k == length - 1 else NONE
            stream.append((int(cycle), vc, int(k == 0), end, src, dst, 2**47 + len(stream)))
        if load < 1:
            cycle += length / load * rng.uniform(0.5, 1.5)
    return stream


def one_packet(cfg, count, start):
    """One VC, one packet without end: no head limit."""
    return [(start, 0, int(k == 0), NONE, 0, 0, k) for k in range(count)]


def cycles_of(delivered):
    return np.array([flit[0] for flit in delivered])


# --- timing ---------------------------------------------------------------------------------

def adapters(cfg, offered):
    """docs/serdes.md restated for all lanes live: when beats that are offered, one after another,
    each from a cycle on, are taken, and when they come out. Rows are a beat or a part of one, or
    hold whole beats."""
    d, bits, lanes = cfg.derived, cfg.serdes.word_bits, cfg.serdes.lanes
    period = cfg.serdes.marker_period + 1
    written, read, rows, held, taken, outs = [], [], [], [], [], {}
    cycle, at = min(offered), 0
    while at < len(offered) or held:
        room = sum(r > cycle - 3 for r in read[-12:]) < 8
        level = sum(w <= cycle - 2 and r > cycle - 5
                    for w, r in zip(written[-12:], read[-12:], strict=True))
        takes = (at < len(offered) and offered[at] <= cycle and len(held) < lanes
                 and (room or len(held) + d.blocks < lanes))
        if takes:
            held += [at] * d.blocks
            taken.append(cycle)
            at += 1
        if room and (len(held) >= lanes or held and not takes and level < 2):
            row = max([(cycle + 1) * bits // 66, *(k + 1 for k in rows[-1:])])
            while row % period == 0 or 2 + 66 * row // bits < cycle + 3:
                row += 1
            written.append(cycle)
            read.append(2 + 66 * row // bits)
            rows.append(row)
            done = [k for k in dict.fromkeys(held[:lanes]) if k not in held[lanes:]]
            held = held[lanes:]
            for place, beat in enumerate(done):
                outs[beat] = 4 + (66 * row + 65) // bits + d.fibre_cycles + 6 + place
        cycle += 1
    return taken, [outs[k] for k in range(len(offered))]


@every_shape
def test_an_unloaded_flit_takes_what_the_contract_says(make, seed):
    cfg, rng = make(), np.random.default_rng(seed)
    keepalive = cfg.link.keepalive_cycles
    # Each in a quiet time between two keepalives, at any phase of the rows.
    starts = [keepalive * (2 * k + 1) + int(rng.integers(16, 33)) for k in range(60)]
    stream = [(start, 0, 1, FULL, 1, 2, start) for start in starts]
    run = run_link(cfg, stream, [], starts[-1] + 600)
    # The flit is offered after 5 cycles and the tail behind it; then its CRC is checked.
    _, outs = adapters(cfg, [start + 5 + k for start in starts for k in range(2)])
    assert run.delivered[1] == [(out + 4, 0, 1, FULL, 1, 2, start)
                                for out, start in zip(outs[1::2], starts, strict=True)]
    assert run.delivered[0] == []


def test_one_vc_streams_a_flit_a_cycle_but_for_tails_and_markers():
    cfg = row_a_cycle()
    run = run_link(cfg, one_packet(cfg, 3000, 100), [], 4000)
    gaps = np.diff(cycles_of(run.delivered[1]))
    F = cfg.link.frame_flits
    assert set(gaps) <= {1, 2, 3}
    # Every F flits a tail, every marker period of rows a marker: nothing else costs a cycle.
    lost = (gaps - 1).sum()
    tails = len(gaps) / F
    assert abs(lost - tails - len(gaps) * (F + 1) / F / cfg.serdes.marker_period) <= 2


@every_shape
@pytest.mark.parametrize("length", [1, None], ids=["heads-only", "one-packet"])
def test_goodput_at_saturation_is_the_closed_form(make, length):
    cfg = make()
    link, serdes, d = cfg.link, cfg.serdes, cfg.derived
    count, start = 9000, 200
    stream = (one_packet(cfg, count, start) if length is None else
              [(start, k % cfg.chiplet.vcs, 1, FULL, 0, 0, k) for k in range(count)])
    n = min(link.frame_flits, d.frame_heads) if length else link.frame_flits
    beats = serdes.word_bits / 66 * serdes.lanes / d.blocks
    expected = n / (n + 1) * beats * serdes.marker_period / (serdes.marker_period + 1)
    seen = cycles_of(run_link(cfg, stream, [], 20_000 * -(-d.blocks // serdes.lanes)).delivered[1])
    window = seen[500:-500]
    assert len(seen) == count
    # The window starts and ends anywhere in a frame.
    assert (len(window) - 1) / (window[-1] - window[0]) == pytest.approx(expected, rel=0.005)


@pytest.mark.parametrize("profile", ["sim", "ecp5"])
def test_credits_throttle_to_a_buffer_for_each_round_trip(profile):
    cfg = config.load(profile)
    d, depth, hold = cfg.derived, cfg.xbar.vc_depth, 3000
    stream = one_packet(cfg, 20 * depth, 200)
    seen = cycles_of(run_link(cfg, stream, [], 60_000, hold=hold).delivered[1])
    words = -(-66 // cfg.serdes.word_bits)
    flight = 5 + words - 1 + d.fibre_cycles + 6     # first word of a row, the last one, out
    least = hold + 1 + 2 + flight + 3 + 4 + flight + 1 + 4
    loops = seen[depth:] - seen[:-depth]
    assert loops.min() >= least
    # Waits for a row and for the frame's tail.
    assert loops.max() <= least + 8 + 2 * cfg.link.frame_flits
    rate = (len(seen) - 1) / (seen[-1] - seen[0])
    assert rate == pytest.approx(depth / least, rel=0.05)


# --- what is delivered ----------------------------------------------------------------------

@every_shape
@pytest.mark.parametrize("load", [0.1, 0.5, 1.0])
def test_each_vc_is_delivered_whole_and_in_order(make, load, seed):
    cfg, rng = make(), np.random.default_rng(seed)
    streams = [packets(rng, cfg, 150, start=rng.integers(1, 400), load=load) for _ in range(2)]
    run = run_link(cfg, *streams, 30_000)
    for end in range(2):
        for vc in range(cfg.chiplet.vcs):
            assert ([flit[1:] for flit in run.delivered[end] if flit[1] == vc]
                    == [flit[1:] for flit in streams[1 - end] if flit[1] == vc])
        assert (np.diff(cycles_of(run.delivered[end])) > 0).all()
        assert all(type(field) is int for field in run.delivered[end][0])


@every_shape
def test_a_run_is_the_same_again_and_in_the_other_order(make, seed):
    cfg, rng = make(), np.random.default_rng(seed)
    streams = [packets(rng, cfg, 100, start=50, load=0.7) for _ in range(2)]
    runs = [run_link(cfg, *streams, 3000, order=order) for order in ((0, 1), (0, 1), (1, 0))]
    assert runs[0].delivered == runs[1].delivered == runs[2].delivered


# --- invariants, with the ends stepped one by one -------------------------------------------

def step_links(cfg, seed, shuffle, *, cycles=1200, links=2, load=0.6, check=None, **rules):
    """Random flits over some links, consumers of random speed; (cycle, end, flit) delivered."""
    rng = np.random.default_rng(seed)
    ends, vcs = 2 * links, cfg.chiplet.vcs
    numbers = rng.permutation(2 * ends)
    inputs, outputs = numbers[:ends], numbers[ends:]
    state, wires = make_links(cfg, inputs, outputs, np.arange(ends) ^ 1), make_wires(2 * ends)
    state = state._replace(rules=state.rules._replace(**rules))
    offered = rng.random((cycles, ends)) < load
    channel, first = rng.integers(vcs, size=(cycles, ends)), rng.integers(2, size=(cycles, ends))
    eager = rng.random((cycles, ends)) < 0.8
    credits = np.full((ends, vcs), cfg.xbar.egress_depth)
    sent, returned = np.zeros(ends, int), np.zeros(ends, int)
    log, received, moved = [], [[] for _ in range(ends)], 0
    for cycle in range(cycles):
        for end in shuffle.permutation(ends):
            moved += link_step(state, wires, int(end), cycle)
        for end in range(ends):
            pulses = take_credit(wires, inputs[end], cycle)
            credits[end] += int(pulses) >> np.arange(vcs) & 1
            vc = channel[cycle, end]
            if offered[cycle, end] and credits[end, vc]:
                credits[end, vc] -= 1
                put_flit(wires, inputs[end], cycle + 1,
                         pack(int(vc), int(first[cycle, end]), NONE, 0, 0, int(sent[end])))
                sent[end] += 1
            flit = take_flit(wires, outputs[end], cycle)
            if flit != NO_FLIT:
                log.append((cycle, end, int(flit)))
                received[end].append(flit)
            if eager[cycle, end] and returned[end] < len(received[end]):
                put_credit(wires, outputs[end], cycle + 1, vc_of(received[end][returned[end]]))
                returned[end] += 1
        if check:
            check(state)
    assert moved - len(log) == sum(state.ends["delivered"]) - len(log) <= ends
    return log


@pytest.mark.parametrize("make", [CONFIGS["sim"], CONFIGS["ecp5"], wide_flits],
                         ids=["row-per-beat", "two-beats-per-row", "four-rows-per-beat"])
def test_the_order_of_stepping_does_not_matter(make, seed):
    cfg = make()
    shuffles = (np.random.default_rng(seed + k) for k in range(2))
    one, other = (step_links(cfg, seed, shuffle) for shuffle in shuffles)
    assert one == other
    for end in range(4):
        for vc in range(cfg.chiplet.vcs):
            tags = [tag_of(flit) for _, at, flit in one if at == end and vc_of(flit) == vc]
            assert len(tags) > 10 and tags == sorted(set(tags))


@pytest.mark.parametrize("replay_flits", [16, 256])
def test_pointers_stay_within_their_bounds(replay_flits, seed):
    cfg = config.load("sim")
    fullest = 0

    def check(state):
        nonlocal fullest
        ends, channels = state.ends, state.channels
        peer = ends["peer"]
        assert (ends["acked"] <= ends["tx"]).all() and (ends["tx"] <= ends["wr"]).all()
        assert (ends["wr"] <= ends["acked"] + replay_flits).all()
        assert (ends["delivered"] <= ends["expected"]).all()
        assert (ends["expected"] <= ends["tx"][peer]).all()
        assert (ends["acked"] <= ends["expected"][peer]).all()
        assert (ends["count"] <= cfg.link.frame_flits).all()
        assert (ends["heads"] <= cfg.derived.frame_heads).all()
        assert (channels["sent"] <= channels["limit"]).all()
        assert (channels["limit"] <= channels["granted"][peer]).all()
        assert (channels["fill"] <= cfg.xbar.egress_depth).all()
        fullest = max(fullest, (ends["wr"] - ends["acked"]).max())

    # A ring shorter than the round trip is no configuration, but it must hold back all the same.
    step_links(cfg, seed, np.random.default_rng(seed), load=1.0, check=check,
               replay_flits=replay_flits)
    assert fullest == replay_flits if replay_flits == 16 else 16 < fullest < replay_flits


def test_acknowledges_wait_for_no_consumer_and_a_credit_goes_back_at_once():
    cfg = config.load("sim")
    depth = cfg.xbar.vc_depth
    state, wires = make_links(cfg, [0, 1], [2, 3], [1, 0]), make_wires(4)
    for k in range(3):
        put_flit(wires, 0, k + 1, pack(0, 1, FULL, 0, 0, k))
    returned = 5 * cfg.link.keepalive_cycles + 20     # a quiet time
    granted = []
    for cycle in range(600):
        for end in range(2):
            link_step(state, wires, end, cycle)
        take_flit(wires, 3, cycle)
        if cycle == returned - 1:
            assert state.ends["acked"][0] == state.ends["wr"][0] == 3
            put_credit(wires, 3, returned, 0)
        if state.channels["limit"][0, 0] > depth:
            granted.append(cycle)
    # Counted and told, A, B; visible three cycles after the tail is out.
    _, (out,) = adapters(cfg, [returned + 3])
    assert granted[0] == out + 3


def test_vcs_that_wait_for_the_ring_take_turns(seed):
    log = step_links(config.load("sim"), seed, np.random.default_rng(seed), load=1.0,
                     replay_flits=16)
    for end in range(4):
        turns = [vc_of(flit) for _, at, flit in log if at == end][40:]
        assert len(turns) > 100
        assert all(a != b for a, b in zip(turns, turns[1:], strict=False))


def test_an_idle_link_sleeps_between_keepalives():
    cfg = config.load("sim")
    state, wires = make_links(cfg, [0, 1], [2, 3], [1, 0]), make_wires(4)
    awake = 0
    for cycle in range(10 * cfg.link.keepalive_cycles):
        awake += (state.ends["wake"] <= cycle).any()
        for end in range(2):
            assert link_step(state, wires, end, cycle) == 0
    assert awake <= 10 * 4
    assert not state.ends["loaded"].any()
