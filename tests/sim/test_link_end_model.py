"""Two models of a link end joined by channels with errors: what docs/link.md promises."""

import random
from itertools import pairwise

import pytest

from lightloom import config
from lightloom.sim.flits import ABORT, NONE
from lightloom.sim.link.end import State
from lightloom.tb.end_pair import Errors, Pair

UP = {State.ACTIVE, State.DEGRADED, State.SLEEP}
NOISY = Errors(flip=0.01, flag=0.02, ctrl=0.003, drop=0.005)


def small(**changes):
    """A short round trip, so that time-outs and sessions come soon."""
    return config.override(config.load("sim"), **{
        "link__frame_flits": 6, "link__replay_limit": 4, "link__keepalive_cycles": 16,
        "rack__fibre_m": 1.0, "serdes__marker_period": 136, **changes})


CONFIGS = {
    "sim": lambda: config.load("sim"), "ecp5": lambda: config.load("ecp5"), "small": small,
    "8 VCs": lambda: small(chiplet__vcs=8, chiplet__flit_bytes=64),
    "1 VC, 1 lane": lambda: small(chiplet__vcs=1, serdes__lanes=1),
}
every_shape = pytest.mark.parametrize("make", CONFIGS.values(), ids=CONFIGS)


def joined(cfg, seed, **others):
    """Two ends of one configuration; about as far apart as it provides for."""
    delay = others.pop("delay", cfg.derived.round_trip // 2 - 16)
    return Pair((cfg, cfg), random.Random(seed), delay=delay, **others)


def bring_up(pair):
    most = 6 * pair.sides[0].cfg.derived.round_trip
    return pair.run_until(lambda: UP.issuperset(pair.states()), most)


def quieten(pair):
    for channel in pair.channels:
        channel.errors = Errors()


def assert_lossless(pair):
    """All that was sent is delivered: each flit once, in the order of its VC, unchanged."""
    for end, side in enumerate(pair.sides):
        assert side.source.sent == pair.sides[1 - end].consumer.got


def assert_sound(pair, end, *, got=None):
    """What `end` was given are packets that were sent, once and in order; if a packet is not
    whole, an abort ends it. Returns how many flits were sent and not delivered."""
    lost = 0
    for sent, seen in zip(pair.sides[1 - end].source.sent, got or pair.sides[end].consumer.got,
                          strict=True):
        numbers, open_at = [], None
        for flit in seen:
            if flit.end == ABORT and flit.payload == 0 and not flit.first:
                assert open_at is not None, "an abort of no packet"
                assert flit.src == flit.dst == 0
                open_at = None
                continue
            number = flit.payload & 2**32 - 1
            assert sent[number] == flit
            assert bool(flit.first) == (open_at is None), "packets are not whole"
            assert flit.first or number == open_at + 1
            numbers.append(number)
            open_at = number if flit.end == NONE else None
        assert all(a < b for a, b in pairwise(numbers))
        lost += len(sent) - len(numbers)
    return lost


@every_shape
def test_both_ends_reach_active_from_reset(seed, make):
    cfg = make()
    pair = joined(cfg, seed)
    assert bring_up(pair) <= 5 * cfg.derived.round_trip
    pair.run(3)
    for end in range(2):
        status = pair.status(end)
        assert (status.session, status.theirs, status.mismatch) == (1, 1, 0)


@every_shape
@pytest.mark.parametrize("errors", [Errors(), NOISY], ids=["clean", "noisy"])
def test_nothing_is_lost_in_a_session(seed, make, errors):
    cfg = make()
    pair = joined(cfg, seed, errors=errors, load=0.7, pace=0.5)
    for side in pair.sides:
        side.stall = 0.1
    bring_up(pair)
    pair.run(2500)
    quieten(pair)
    pair.drain(40_000)
    assert_lossless(pair)
    assert sum(map(len, pair.sides[0].source.sent)) > 100
    for end in range(2):
        status = pair.status(end)
        assert status.sessions == status.lost_flits == status.bad_acks == 0
        if errors is not NOISY:
            assert not any((status.crc_errors, status.gaps, status.duplicates, status.replays))


def test_a_single_flit_takes_nine_cycles_and_the_way(seed):
    cfg = small()
    pair = joined(cfg, seed, load=0)
    bring_up(pair)
    pair.run(200)
    source = pair.sides[0].source
    source.load, begun = 1, pair.cycle
    pair.step()
    source.load = 0
    count = pair.run_until(lambda: pair.sides[1].outputs.flit is not None, 200)
    # `tx.valid` 5 cycles after `i.valid`; the tail one beat later, or the flit's packet goes on;
    # out 4 cycles after the tail.
    flits = len(pair.sides[0].source.sent[0]) + len(pair.sides[0].source.sent[1])
    assert pair.cycle - 1 - begun >= 5 + 1 + pair.channels[0].delay + 4
    if flits == 1:
        assert count == 5 + 1 + pair.channels[0].delay + 4


def test_a_stream_of_one_vc_fills_its_frames(seed):
    cfg = small(chiplet__vcs=1)
    pair = joined(cfg, seed, load=1)
    pair.sides[1].source.load = 0
    bring_up(pair)
    pair.run(300)
    before, cycles = len(pair.sides[1].consumer.got[0]), 7 * 300
    pair.run(cycles)
    # F = H: a frame of 6 flits takes 7 beats.
    assert cfg.derived.frame_heads == 6
    assert abs(len(pair.sides[1].consumer.got[0]) - before - cycles * 6 // 7) <= 7


@every_shape
def test_reset_of_one_end_takes_the_other_along(seed, make):
    cfg = make()
    pair = joined(cfg, seed, errors=Errors(flag=0.005), load=0.7, pace=0.5)
    bring_up(pair)
    pair.run(600 + pair.rng.randrange(600))
    earlier = pair.sides[0].consumer.got
    counts = [len(vc) for vc in pair.sides[1].source.sent]
    pair.reset(0)
    pair.sides[0].consumer.got = [[] for _ in earlier]
    pair.step()
    assert pair.status(0).state == State.RESET
    pair.run_until(lambda: pair.status(1).sessions == 1, 8 * cfg.derived.silence_cycles)
    bring_up(pair)
    pair.run(600)
    quieten(pair)
    pair.drain(40_000)
    status = pair.status(1)
    assert UP.issuperset(pair.states())
    assert (status.theirs, pair.status(0).theirs) == (1, status.session)
    assert status.sessions == 1 and pair.status(0).sessions == 0
    # To the end that was reset: what its first life got, and what the second one did. A frame
    # that it had acknowledged may still have been in it.
    lost = assert_sound(pair, 0) - sum(map(len, earlier))
    assert 0 <= lost <= status.lost_flits + cfg.link.frame_flits
    for sent, before, first, seen in zip(
            pair.sides[1].source.sent, counts, earlier, pair.sides[0].consumer.got, strict=True):
        assert first == sent[:len(first)]
        assert not seen or seen[-1] == sent[-1]
        assert before >= len(first)
    # From it: only what was in it when it was reset can be gone.
    assert_sound(pair, 1)
    open_packets = sum(vc[k].end == NONE and vc[k + 1].first
                       for vc in _without_aborts(pair.sides[1].consumer.got)
                       for k in range(len(vc) - 1))
    assert status.aborts >= open_packets


def _without_aborts(got):
    return [[flit for flit in vc if flit.payload or flit.first] for vc in got]


def test_lanes_that_are_gone_for_a_while_cost_no_flit(seed):
    pair = joined(small(), seed, load=0.6)
    bring_up(pair)
    for _ in range(8):
        pair.run(pair.rng.randrange(300))
        which = pair.rng.choice([(0,), (1,), (0, 1)])
        for end in which:
            pair.channels[end].aligned = False
        pair.run(1 + pair.rng.randrange(400))
        for end in which:
            pair.channels[end].aligned = True
        bring_up(pair)
    pair.drain(20_000)
    assert_lossless(pair)
    assert pair.status(0).retrains + pair.status(1).retrains > 0


def test_lanes_that_come_and_go_in_training_leave_no_end_behind(seed):
    pair = joined(small(), seed, load=0.3)
    for _ in range(20):
        pair.reset(pair.rng.randrange(2))
        for _ in range(12):
            pair.channels[pair.rng.randrange(2)].aligned = pair.rng.random() < 0.6
            pair.run(pair.rng.randrange(40))
        for channel in pair.channels:
            channel.aligned = True
        bring_up(pair)
        pair.run(100)


def test_a_known_partner_that_was_up_already_is_gone_on_with(seed):
    """Aligned is lost in EXCHANGED, just when the partner has become ACTIVE and not fresh."""
    pair = joined(small(), seed)
    pair.channels[0].dead = True
    pair.run(150)
    pair.channels[0].dead = False
    pair.run_until(lambda: State.ACTIVE in pair.states(), 1000)
    late = next((k for k, state in enumerate(pair.states()) if state == State.EXCHANGED), None)
    assert late is not None
    pair.channels[late].aligned = False
    pair.run(20)
    pair.channels[late].aligned = True
    bring_up(pair)


@pytest.mark.parametrize("end", range(2))
def test_a_dead_direction_retrains_both_within_the_silence(seed, end):
    cfg = small()
    pair = joined(cfg, seed, load=0.3)
    bring_up(pair)
    pair.run(300)
    pair.channels[end].dead = True
    pair.run_until(lambda: pair.status(end).state == State.RETRAIN,
                   cfg.derived.silence_cycles + 2 * pair.channels[end].delay + 10)
    assert pair.status(end).link_downs == 1
    # Its partner hears it all the while, and that it hears (it is aligned); strikes end that.
    pair.channels[end].dead = False
    bring_up(pair)
    pair.drain(20_000)
    assert_lossless(pair)


@pytest.mark.parametrize("changes, bits", [
    ({"chiplet__vcs": 1}, 1 << 2), ({"chiplet__endpoints": 512, "rack__endpoints": 512}, 1 << 3),
    ({"serdes__lanes": 2}, 1 << 4), ({"link__frame_flits": 5}, 1 << 5),
    ({"link__replay_flits": 512, "xbar__vc_depth": 200}, 1 << 6 | 1 << 7)])
def test_mismatch_is_named_by_both_ends(seed, changes, bits):
    pair = Pair((small(), small(**changes)), random.Random(seed), delay=20)
    pair.run_until(lambda: pair.states() == [State.FAULT] * 2, 2000)
    assert [pair.status(end).mismatch for end in range(2)] == [bits] * 2
    pair.run(500)
    assert pair.states() == [State.FAULT] * 2
    # A partner that fits ends it.
    pair.replace(1, small())
    pair.step()
    bring_up(pair)
    assert pair.status(0).mismatch == 0 and pair.status(0).sessions == 1


@pytest.mark.parametrize("lanes, strikes", [(4, 7), (2, 5), (1, 3)])
def test_strikes_take_lanes_out_and_end_in_fault(seed, lanes, strikes):
    """Flits that never come through, while tails do: each frame's flits are flagged."""
    cfg = small(serdes__lanes=lanes)
    pair = joined(cfg, seed, load=0.3)
    bring_up(pair)
    pair.run(200)
    spoil = pair.channels[1]._spoil
    pair.channels[1]._spoil = lambda beat: beat if beat.ctrl else beat._replace(error=1)
    seen = []
    while pair.status(0).state != State.FAULT:
        pair.step()
        if not seen or seen[-1] != pair.sides[0].outputs.lanes_off:
            seen.append(pair.sides[0].outputs.lanes_off)
        assert pair.cycle < 200_000
    assert seen == [0, *(1 << lane for lane in range(lanes if lanes > 1 else 0))]
    assert pair.status(0).retrains == strikes - 1
    assert pair.status(0).replays == strikes * cfg.link.replay_limit
    pair.channels[1]._spoil = spoil
    pair.run(300)
    assert pair.states() == [State.FAULT, State.RETRAIN]
    pair.sides[0].restart = 1
    pair.run(3)
    bring_up(pair)
    pair.drain(20_000)
    assert assert_sound(pair, 1) <= pair.status(0).lost_flits
    assert assert_sound(pair, 0) <= pair.status(1).lost_flits


def test_an_end_sleeps_when_calm_and_wakes_for_a_flit(seed):
    cfg = small()
    pair = joined(cfg, seed, load=0.5)
    for side in pair.sides:
        side.sleep = 1
    bring_up(pair)
    pair.run(200)
    assert State.SLEEP not in pair.states()
    pair.drain(20_000)
    assert pair.states() == [State.SLEEP] * 2
    assert [side.outputs.lanes_off for side in pair.sides] == [0b1110] * 2
    pair.sides[0].source.load = 1
    pair.step()
    pair.sides[0].source.load = 0
    pair.run(3)
    assert pair.status(0).state == State.ACTIVE and pair.sides[0].outputs.lanes_off == 0
    pair.drain(20_000)
    assert_lossless(pair)


def test_sessions_go_round_past_zero(seed):
    cfg = small()
    pair = joined(cfg, seed, load=0.2)
    bring_up(pair)
    for number in range(2, 260):
        pair.reset(0)
        pair.run_until(lambda number=number: pair.status(1).sessions == number - 1, 1000)
        assert pair.status(1).session == (number - 1) % 255 + 1
        bring_up(pair)
        assert pair.status(0).theirs == pair.status(1).session


def test_sessions_that_follow_closely_lose_only_what_is_counted(seed):
    """The end that is not reset: each packet whole, or ended by an abort, or lost and counted."""
    pair = joined(small(), seed, load=0.8, pace=0.3)
    bring_up(pair)
    got = [[], []]
    for _ in range(12):
        pair.run(pair.rng.randrange(500))
        pair.reset(0)
        for vc, seen in enumerate(pair.sides[0].consumer.got):
            _close(seen, got[vc])
        pair.sides[0].consumer.got = [[], []]
    bring_up(pair)
    pair.drain(20_000)
    for vc, seen in enumerate(pair.sides[0].consumer.got):
        got[vc] += seen
    # With each reset a frame that was acknowledged may be gone.
    lost = assert_sound(pair, 0, got=got)
    assert lost <= pair.status(1).lost_flits + 12 * pair.sides[0].cfg.link.frame_flits
    assert_sound(pair, 1)


def _close(seen, got):
    """What a consumer got until it was reset; the packet that was open ends there."""
    got += seen
    if seen and seen[-1].end == NONE:
        got.append(seen[-1]._replace(first=0, end=ABORT, src=0, dst=0, payload=0))
