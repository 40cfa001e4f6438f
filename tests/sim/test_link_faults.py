"""Links with fewer live lanes, of different lengths, with errors and outages."""

import numpy as np
import pytest
from lossy_pair import run_exact
from serdes_restated import rows, shaped
from test_link_model import cycles_of, one_packet, packets
from test_serdes_link import BRING_UP, ends_at_random

from lightloom.config import ConfigError, override
from lightloom.config import load as load_profile
from lightloom.sim.flits import FULL
from lightloom.sim.link import hit, make_links, run_link
from lightloom.sim.link.goodput import goodput
from lightloom.sim.link.state import NEVER
from lightloom.sim.serdes import receive, transmit

LANES = [("4 lanes, beat of 4", 3, 1.0), ("4 lanes, beat of 2", 3, 1.0),
         ("16 lanes, beat of 8", 15, 1.0), ("16 lanes, beat of 8", 11, 0.1)]
MORE_LANES = [("4 lanes, beat of 4", 3, 0.1), ("4 lanes, beat of 4", 1, 1.0),
              ("4 lanes, beat of 2", 3, 0.1), ("4 lanes, beat of 8", 3, 1.0),
              ("5 lanes, beat of 8", 2, 1.0), ("5 lanes, beat of 8", 2, 0.1),
              ("16 lanes, beat of 8", 15, 0.1), ("16 lanes, beat of 8", 11, 1.0),
              ("16 lanes, beat of 8", 5, 1.0), ("16 lanes, beat of 4", 9, 1.0),
              ("16 lanes, beat of 4", 9, 0.1)]


@pytest.mark.parametrize(("shape", "live", "busy"), [
    *LANES, *(pytest.param(*case, marks=pytest.mark.long) for case in MORE_LANES)])
def test_rows_of_fewer_lanes_come_out_as_bit_by_bit(shape, live, busy, seed):
    cfg, rng = override(shaped(shape), link__frame_flits=1), np.random.default_rng(seed)
    d, lanes = cfg.derived, cfg.serdes.lanes
    dead = rng.permutation(lanes)[live:]
    off = int(sum(1 << int(lane) for lane in dead))
    cycles = rows(cfg, BRING_UP + 3 * cfg.serdes.marker_period) + 3000
    # The live set changes with the second marker row; rows wait for it.
    start = rows(cfg, 2 * cfg.serdes.marker_period)
    offered, taken, tails, visible = ends_at_random(
        cfg, rng, cycles, busy, lanes=[live, lanes], start=start)
    assert len(tails) > 100
    beats = rng.integers(0, 2**64, (len(taken), d.blocks), np.uint64)
    sync = np.zeros(d.blocks, bool)
    accepted, words = transmit(
        cfg, [(at, beat, sync) for at, beat in zip(offered, beats, strict=True)], cycles,
        [(0, off)])
    later = np.array(taken) >= start
    assert later.sum() > 800 * busy and accepted[later].tolist() == np.array(taken)[later].tolist()
    late = np.zeros((d.fibre_cycles, lanes, cfg.serdes.word_bits), np.uint8)
    out = receive(cfg, np.concatenate([late, words]))
    number = {beat.tobytes(): k for k, beat in enumerate(beats)}
    seen = {number[beat.tobytes()]: cycle for beat, cycle in zip(out.data, out.cycle, strict=True)}
    settled = [(k, at) for k, at in zip(tails, visible, strict=False)
               if k in seen and taken[k] > taken[min(seen)] + rows(cfg, 100)]
    assert len(settled) > 30
    assert [at for _, at in settled] == [seen[k] + 3 for k, _ in settled]


@pytest.mark.parametrize(("profile", "live"), [("sim", 3), ("sim", 1), ("tera", 7), ("tera", 5)])
def test_a_direction_carries_the_share_of_its_live_lanes(profile, live):
    cfg = load_profile(profile)
    serdes, frame = cfg.serdes, cfg.link.frame_flits
    rate = (serdes.word_bits / 66 * live / cfg.derived.blocks
            * serdes.marker_period / (serdes.marker_period + 1) * frame / (frame + 1))
    streams = [one_packet(cfg, 9000, 200)] * 2
    run = run_link(cfg, *streams, 12_000, lanes=[live, serdes.lanes])
    seen = cycles_of(run.delivered[1])[500:-500]
    assert (len(seen) - 1) / (seen[-1] - seen[0]) == pytest.approx(min(1, rate), rel=0.005)
    # The other direction keeps its own rate: what it waits for comes in time.
    other = cycles_of(run.delivered[0])[500:-500]
    whole = run_link(cfg, *streams, 12_000)
    assert len(other) == len(cycles_of(whole.delivered[0])[500:-500])


def test_a_longer_fibre_delays_its_direction_by_its_flight(seed):
    cfg, rng = load_profile("sim"), np.random.default_rng(seed)
    streams = [packets(rng, cfg, 40, start=300, load=0.05) for _ in range(2)]
    near = run_link(cfg, *streams, 60_000, fibre_m=[2.0, 2.0]).delivered
    far = run_link(cfg, *streams, 60_000, fibre_m=[200.0, 2.0]).delivered
    flight = [int(np.ceil(m * 4.9 * 500 / 1000)) for m in (2.0, 200.0)]
    assert len(near[1]) == len(far[1]) == len(streams[0])
    late = cycles_of(far[1]) - cycles_of(near[1])
    # Now and then a bare tail for what came the other way is in the way.
    assert np.median(late) == flight[1] - flight[0]
    assert np.median(cycles_of(far[0]) - cycles_of(near[0])) == 0


@pytest.mark.parametrize(("field", "value", "message"), [
    ("fibre_m", [0.0, 1.0], "length of a fibre: must be above 0 m, there is one of 0 m"),
    ("fibre_m", [float("nan"), 1.0], "length of a fibre: must be above 0 m"),
    ("lanes", [0, 4], "live lanes of a link: must be 1 to 4, they are 0 to 4"),
    ("lanes", [4, 5], "live lanes of a link: must be 1 to 4, they are 4 to 5")])
def test_a_link_that_cannot_be_is_refused_in_one_line(field, value, message):
    with pytest.raises(ConfigError) as raised:
        make_links(load_profile("sim"), [0, 1], [2, 3], [1, 0], **{field: value})
    assert str(raised.value).startswith(message) and "\n" not in str(raised.value)


# --- errors and outages ------------------------------------------------------------------------

COUNTERS = ("frames", "crc_errors", "gaps", "duplicates", "replays", "timeouts", "retrains",
            "link_downs")
NO_HITS = np.full((2, 1), NEVER)


def errors_at_random(rng, cfg, count, begin, end):
    """{row: [(place, bit)]} of each direction, and as `hits`."""
    bits = cfg.serdes.word_bits
    found = []
    for _ in range(2):
        own = {}
        for _ in range(count):
            row = int(rng.integers(begin * bits // 66, end * bits // 66))
            # Bits of headers, of a tail's type, and those that spill there, more often.
            bit = int(rng.choice([rng.integers(66), rng.integers(2), rng.integers(8, 16),
                                  rng.integers(27, 35)], p=[0.7, 0.1, 0.1, 0.1]))
            own.setdefault(row, set()).add((int(rng.integers(cfg.serdes.lanes)), bit))
        found.append({row: sorted(places) for row, places in own.items()})
    hits = [sorted(hit(row, *place) for row in own for place in own[row]) for own in found]
    most = max(map(len, hits)) + 1
    return found, np.array([own + [NEVER] * (most - len(own)) for own in hits])


def assert_equal_to_exact(cfg, streams, cycles, errors, hits, dark=((0, 0), (0, 0))):
    exact, status, _ = run_exact(cfg, streams, cycles, errors=errors, dark=dark)
    run = run_link(cfg, *streams, cycles, hits=hits, dark=dark)
    for end in range(2):
        assert run.delivered[end] == exact[end]
        assert ([int(run.replay[end][name]) for name in COUNTERS]
                == [getattr(status[end], name) for name in COUNTERS])
        # All that was sent has come: nothing is lost by errors.
        for vc in range(cfg.chiplet.vcs):
            assert ([flit[1:] for flit in run.delivered[end] if flit[1] == vc]
                    == [flit[1:] for flit in streams[1 - end] if flit[1] == vc])
    return run


@pytest.mark.parametrize(("profile", "count", "load"), [
    ("sim", 30, 0.6),
    *(pytest.param(*case, marks=pytest.mark.long) for case in [
        ("sim", 300, 0.9), ("sim", 100, 0.1), ("tera", 60, 0.8), ("ecp5", 60, 0.8)])])
def test_flits_come_in_the_cycle_of_exact_ends_that_meet_the_same_errors(profile, count, load,
                                                                         seed):
    cfg, rng = load_profile(profile), np.random.default_rng(seed)
    start = 4000 if profile != "sim" else 1600
    streams = [packets(rng, cfg, 80, start=start, load=load) for _ in range(2)]
    errors, hits = errors_at_random(rng, cfg, count, start, start + 1500)
    run = assert_equal_to_exact(cfg, streams, start + 6500, errors, hits)
    assert run.replay["replays"].sum() > 2 and run.replay["crc_errors"].sum() > 5


@pytest.mark.parametrize("both", [False, pytest.param(True, marks=pytest.mark.long)])
def test_flits_wait_through_an_outage_as_at_exact_ends(both, seed):
    cfg, rng = load_profile("sim"), np.random.default_rng(seed)
    streams = [packets(rng, cfg, 60, start=1600, load=0.6) for _ in range(2)]
    begin = 1700 + int(rng.integers(400))
    dark = [(begin, begin + 900 + int(rng.integers(500))), (0, 0)]
    if both:
        dark[1] = tuple(int(at + rng.integers(-100, 100)) for at in dark[0])
    errors, hits = errors_at_random(rng, cfg, 10, 1600, 2500)
    run = assert_equal_to_exact(cfg, streams, 6500, errors, hits, tuple(dark))
    assert (run.replay["retrains"] >= 1).all()


def test_a_whole_window_that_is_lost_is_replayed_by_the_time_out():
    """Where not one beat is seen, the next tail is R ahead, which looks like behind: no request
    comes."""
    cfg = load_profile("sim")
    stream = one_packet(cfg, 2 * cfg.link.replay_flits, 1600)
    stream = [(at, vc, first, FULL if k == len(stream) - 1 else last, src, dst, tag)
              for k, (at, vc, first, last, src, dst, tag) in enumerate(stream)]
    first = 1600 * 64 // 66
    own = {row: [(0, 0)] for row in range(first, first + 330)}
    hits = np.full((2, len(own) + 1), NEVER)
    hits[0, :-1] = [hit(row, 0, 0) for row in own]
    run = assert_equal_to_exact(cfg, (stream, []), 5000, (own, {}), hits)
    assert run.replay["timeouts"][0] >= 1 and run.replay["gaps"][1] == 0


def test_errors_that_never_come_cost_nothing(seed):
    cfg, rng = load_profile("sim"), np.random.default_rng(seed)
    streams = [packets(rng, cfg, 150, start=rng.integers(1, 400), load=0.7) for _ in range(2)]
    assert (run_link(cfg, *streams, 4000, hits=NO_HITS).delivered
            == run_link(cfg, *streams, 4000).delivered)


@pytest.mark.parametrize("ber", [3e-6, 3e-5])
def test_goodput_of_random_errors_is_the_closed_form(ber, seed):
    cfg, cycles = load_profile("sim"), 60_000
    streams = [one_packet(cfg, cycles, 200)] * 2
    rates = np.full((2, cfg.serdes.lanes), ber)
    run = run_link(cfg, *streams, cycles, ber=rates, seed=seed)
    whole = len(run_link(cfg, *streams, cycles).delivered[0])
    expected = goodput(cfg, ber)
    share = sum(map(len, run.delivered)) / 2 / whole
    print(f"BER {ber:g}: {share:.4f} of the flits, closed form {expected.share:.4f}")
    # Both directions: half the variance; five of them, and what the form leaves out.
    assert share == pytest.approx(expected.share,
                                  abs=5 * expected.spread(2 * cycles) + 0.01)
