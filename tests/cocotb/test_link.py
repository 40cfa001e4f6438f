"""Two exported links over their adapters: equal to the model without errors, lossless with them."""

import crcmod.predefined
import numpy as np
import pytest
from amaranth import Const
from amaranth.lib.crc import Algorithm
from serdes_cases import cycles_on_the_line, ideal_bring_up
from test_chiplet import small

from lightloom import config
from lightloom.config.derived import STAGES
from lightloom.hdl.link import crc, layer
from lightloom.hdl.link.replay import ReplayRing
from lightloom.sim.link import run_link
from lightloom.tb import traffic
from lightloom.tb.flits import Flit
from lightloom.tb.link_harness import (
    Fault,
    both_ends,
    decode_tail,
    exported_end,
    run_links,
    unpack_beat,
)

ABORT = 3
PARAMETERS = ("version", "flit", "vcs", "ids", "lanes", "frame", "replay", "depth")
ALL = (1 << 16) - 1
CRC32C = crcmod.predefined.mkPredefinedCrcFun("crc-32c")


def two_streams(cfg, rng, *, start, count, lengths=(1, 2, 4, 9), load=1.0):
    return [traffic.packets(rng, count=count, start=start, src=end, destinations=[1 - end],
                            vcs=cfg.chiplet.vcs, lengths=lengths, load=load,
                            flit_bits=cfg.derived.flit_bits) for end in range(2)]


SHORT = {"serdes__marker_period": 64, "serdes__deskew_blocks": 16}


def narrow(**changes):
    """A flit a row: 16 bytes over two lanes."""
    return small(link__lane_budget=64, link__replay_flits=256, **changes)


def two_a_row():
    return config.override(config.load("ecp5"), **SHORT)


def wide_flits():
    """A flit of four rows: 64 bytes over two lanes."""
    return config.override(
        config.load("sim"), chiplet__flit_bytes=64, chiplet__optical_ports=2, serdes__lanes=2,
        link__frame_flits=8, **SHORT)


def start_of_traffic(cfg):
    """After bring-up, of which block lock is the longer part where markers are near; a multiple of
    128."""
    return 128 * (3 + ideal_bring_up(cfg) // 128)


def assert_lossless(sent, delivered):
    """Per VC: every flit sent is delivered once, in order, unchanged."""
    for vc in {flit.vc for _, flit in sent}:
        want = [flit for _, flit in sent if flit.vc == vc]
        seen = [flit for _, flit in delivered if flit.vc == vc]
        assert len(seen) == len(want)
        for k, (a, b) in enumerate(zip(want, seen, strict=True)):
            assert a == b, f"VC {vc}, flit {k}: expected {a}, seen {b}"


def assert_equal_to_the_model(cfg, rng, folder, count, load):
    start = start_of_traffic(cfg)
    streams = two_streams(cfg, rng, start=start, count=count, load=load,
                          lengths=(1, 2, 4, min(9, cfg.xbar.max_packet_flits)))
    # Packets of 4 flits in the mean, and a margin.
    beats = 1.2 * cfg.derived.blocks / cfg.serdes.lanes * 66 / cfg.derived.lane_bits
    cycles = start + 400 + int((400 + 5.5 * count) * max(1 / load, beats))
    run = run_links(cfg, both_ends(cfg), streams, cycles=cycles, folder=folder)
    assert run.active is not None and run.active < start
    golden = run_link(cfg, *(traffic.for_model(s) for s in streams), cycles)
    for end in range(2):
        assert_lossless(streams[1 - end], run.delivered[end])
        rtl = [(c, f.vc, f.first, f.end, f.src, f.dst, traffic.tag_of(f))
               for c, f in run.delivered[end]]
        assert rtl == golden.delivered[end]


@pytest.mark.parametrize(("make", "load"), [
    (narrow, 0.2), (narrow, 1.0), (two_a_row, 1.0), (wide_flits, 1.0)],
    ids=["row-per-beat-0.2", "row-per-beat-1.0", "two-beats-per-row-1.0",
         "four-rows-per-beat-1.0"])
def test_error_free_link_equals_the_model_in_every_delivery_cycle(tmp_path, seed, make, load):
    assert_equal_to_the_model(make(), np.random.default_rng(seed), tmp_path, 60, load)


@pytest.mark.long
@pytest.mark.parametrize("load", [0.2, 1.0])
@pytest.mark.parametrize("make", [
    lambda: config.load("sim"), lambda: config.load("ecp5"), wide_flits],
    ids=["row-per-beat", "two-beats-per-row", "four-rows-per-beat"])
def test_error_free_link_of_a_profile_equals_the_model_in_every_delivery_cycle(
        tmp_path, seed, make, load):
    assert_equal_to_the_model(make(), np.random.default_rng(seed), tmp_path, 150, load)


def test_short_frames_that_arrive_while_a_long_one_is_delivered_are_not_lost(tmp_path, seed):
    cfg = narrow()
    rng = np.random.default_rng(seed)
    start = start_of_traffic(cfg)
    size = cfg.link.frame_flits
    # A frame of its own for each of the flits that come every other cycle.
    plan = [start] * size + [start + size + 2 * k for k in range(4 * size)]
    stream = [(cycle, Flit(int.from_bytes(rng.bytes(cfg.chiplet.flit_bytes), "little"),
                           vc=k % 2, first=int(k < 2)))
              for k, cycle in enumerate(plan)]
    run = run_links(cfg, both_ends(cfg), [stream, []], cycles=start + 600, folder=tmp_path)
    assert_lossless(stream, run.delivered[1])


def test_bit_errors_lose_duplicate_reorder_and_alter_nothing(tmp_path, seed):
    cfg = narrow()
    rng = np.random.default_rng(seed)
    start = start_of_traffic(cfg)
    streams = two_streams(cfg, rng, start=start, count=200)
    run = run_links(cfg, both_ends(cfg), streams, cycles=start + 6000, folder=tmp_path,
                    ber=2e-4, seed=seed % 1000)
    assert all(status["replays"] > 5 for status in run.status)
    assert all(errors > 100 for errors in run.errors)
    for end in range(2):
        assert_lossless(streams[1 - end], run.delivered[end])


def test_a_cut_of_one_direction_retrains_and_loses_nothing(tmp_path, seed):
    cfg = narrow()
    rng = np.random.default_rng(seed)
    start = start_of_traffic(cfg)
    streams = two_streams(cfg, rng, start=start, count=150)
    run = run_links(cfg, both_ends(cfg), streams, folder=tmp_path,
                    cycles=start + 2400 + cfg.derived.bringup_cycles,
                    faults=[Fault(0, start + 200, start + 400, lanes=ALL)])
    assert [status["state"] for status in run.status] == ["ACTIVE", "ACTIVE"]
    assert all(status["retrains"] >= 1 and status["sessions"] == 0 for status in run.status)
    for end in range(2):
        assert_lossless(streams[1 - end], run.delivered[end])


def test_partners_with_different_parameters_end_in_fault(tmp_path):
    cfg = narrow()
    other = config.override(cfg, link__replay_flits=512)
    run = run_links(cfg, [exported_end(cfg, "a"), exported_end(other, "b")], [[], []],
                    cycles=start_of_traffic(cfg), folder=tmp_path)
    for status in run.status:
        assert (status["state"], status["mismatch"]) == ("FAULT", 1 << PARAMETERS.index("replay"))
    assert run.active is None


@pytest.mark.parametrize("victim", [0, 1])
def test_a_reset_of_one_end_begins_a_session_in_which_nothing_of_the_last_one_comes(
        tmp_path, seed, victim):
    cfg = narrow()
    rng = np.random.default_rng(seed)
    start = start_of_traffic(cfg)
    streams = two_streams(cfg, rng, start=start, count=300, lengths=(1, 4, 9))
    at = start + 300 + seed % 200
    run = run_links(cfg, both_ends(cfg), streams, cycles=at + cfg.derived.bringup_cycles + 3000,
                    folder=tmp_path, faults=[Fault(victim, at, at + 16, reset=True)])
    status, other = run.status[victim], run.status[1 - victim]
    assert [s["state"] for s in run.status] == ["ACTIVE", "ACTIVE"]
    assert (status["session"], other["session"]) == ({"ours": 1, "theirs": 2},
                                                     {"ours": 2, "theirs": 1})
    # The end that stayed up knows what it lost; some of it may have been delivered before.
    lost = missing(streams[1 - victim], run.delivered[victim])
    assert 0 < lost <= other["lost_flits"] <= lost + cfg.link.replay_flits
    assert missing(streams[victim], run.delivered[1 - victim]) > 0
    aborts = [flit for _, flit in run.delivered[1 - victim] if flit.end == ABORT]
    assert len(aborts) == other["aborts"] and not any(flit.payload for flit in aborts)
    for end, delivered in enumerate(run.delivered):
        assert delivered[-1][0] > at + cfg.derived.round_trip
        # The consumer at the end that was reset was reset with it.
        assert_whole_packets([f for cycle, f in delivered if end != victim or cycle > at])


def assert_whole_packets(flits):
    """Per VC: a first flit is behind an end, any other one is not."""
    for vc in {flit.vc for flit in flits}:
        ended = True
        for flit in (flit for flit in flits if flit.vc == vc):
            assert flit.first == ended, flit
            ended = flit.end != 0


def missing(sent, delivered):
    """Flits not delivered; the others came once, in order, unchanged, with aborts between them."""
    lost = 0
    for vc in {flit.vc for _, flit in sent}:
        want = iter([flit for _, flit in sent if flit.vc == vc])
        for flit in (flit for _, flit in delivered if flit.vc == vc and flit.end != ABORT):
            for expected in want:
                if expected == flit:
                    break
                lost += 1
            else:
                raise AssertionError(f"VC {vc}: {flit} was not sent, or came before")
        lost += len(list(want))
    return lost


def lone_flits(cfg, rng):
    """Cycles far apart, and some whose tail meets the slot of a marker row."""
    period, start = cfg.serdes.marker_period + 1, start_of_traffic(cfg)
    # Until a marker row has met each phase of the slots, 66 bits apart.
    stop = 66 * period * (cfg.serdes.word_bits // 2 + 1) // cfg.serdes.word_bits
    plan = start + np.cumsum(rng.integers(90, 160, (stop - start) // 125))
    rows = np.arange(0, plan[-1], period)
    slots = STAGES.lane_start + 66 * rows // cfg.serdes.word_bits
    aimed = slots - STAGES.link_tx - 1 - STAGES.crossing - rng.integers(0, 2, rows.size)
    aimed = aimed[(aimed > start) & (aimed < plan[-1])]
    far = abs(plan[:, None] - aimed).min(axis=1) > 90
    return np.sort(np.concatenate([plan[far], aimed]))


def stages(cfg, beats, received, where, flit, sent, given):
    """Core cycles of a lone flit up to the adapter, until its tail is there too, and its tail's: up
    to the line, on the line, to the partner's link, and from there on."""
    taken = {beat: cycle for cycle, beat in beats}
    order = list(taken)
    at = next(k for k, beat in enumerate(order)
              if unpack_beat(cfg, beat) == (flit.payload, [0] * cfg.derived.blocks))
    # Of a tail: the first block, which has the sequence number.
    block = order[at + 1] & 2**64 - 1
    first, last = where[block]
    arrived = next(cycle for cycle, beat in received if beat & 2**64 - 1 == block)
    cycles = np.diff([sent, taken[order[at]], taken[order[at + 1]], first, last, arrived, given])
    return cycles - [0, 0, 0, 0, cfg.derived.fibre_cycles, 0]


@pytest.mark.parametrize(("make", "simulator", "half"), [
    (lambda: narrow(serdes__marker_period=128), "icarus", 0),
    pytest.param(lambda: config.load("sim"), "icarus", 0, marks=pytest.mark.long),
    pytest.param(lambda: config.load("tera"), "verilator", 1, marks=pytest.mark.long)],
    ids=["narrow", "sim", "tera"])
def test_latency_from_link_to_link_is_that_of_the_stages_and_a_wait_for_a_slot(
        tmp_path, seed, make, simulator, half):
    cfg = make()
    word = cfg.serdes.word_bits
    plan = lone_flits(cfg, np.random.default_rng(seed))
    streams = [[(int(cycle), Flit(payload=k, vc=k % 2, first=1, end=1, src=end, dst=1 - end))
                for k, cycle in enumerate(plan)] for end in range(2)]
    run = run_links(cfg, both_ends(cfg), streams, cycles=int(plan[-1]) + 200, folder=tmp_path,
                    simulator=simulator, probes=True)
    waits = []
    for end in range(2):
        assert_lossless(streams[1 - end], run.delivered[end])
        where = cycles_on_the_line(cfg, run.words[1 - end])
        for (sent, flit), (given, _) in zip(streams[1 - end], run.delivered[end], strict=True):
            link_tx, tail, tx, line, rx, link_rx = stages(
                cfg, run.beats[1 - end], run.received[end], where, flit, sent, given)
            assert (link_tx, tail, link_rx) == (STAGES.link_tx, 1, STAGES.link_rx)
            assert line == 66 // word
            # Where a row holds two beats the tail is the second, or has a row that is padded a
            # cycle later.
            waits.append(tx + rx - STAGES.adapter_tx - STAGES.adapter_rx - half)
    least = (STAGES.link_tx + 1 + STAGES.adapter_tx + 66 // word + STAGES.adapter_rx + half
             + STAGES.link_rx)
    print(f"{cfg.name}: core cycles without the fibre: {least + min(waits)} to "
          f"{least + max(waits)}, median {least + np.median(waits):.0f}")
    # The slot may just be gone, and the next one be that of a marker row.
    assert min(waits) == 0 and max(waits) <= -(-2 * 66 // word) - 1
    assert least + max(waits) <= 30


def frames(cfg, beats):
    """(payloads, tail bits) of each frame sent, in order."""
    flits = []
    for _, beat in beats:
        bits, controls = unpack_beat(cfg, beat)
        if not any(controls):
            flits.append(bits)
        elif bits & 0xFF == 0x78:
            yield flits, bits
            flits = []


def check_frames(cfg, beats):
    """Each frame's CRC by an independent CRC-32C, and its count and sequence number."""
    size, seq, seen = cfg.chiplet.flit_bytes, 0, 0
    for flits, bits in frames(cfg, beats):
        message = b"".join(flit.to_bytes(size, "little") for flit in flits)
        body = bits.to_bytes(size, "little")[:-4]
        tail = decode_tail(cfg, bits)
        # Both ends are in their first session: 1 + 256 x 1.
        assert tail["crc"] == CRC32C(message + body, 0x0101)
        assert (tail["count"], tail["seq"]) == (len(flits), seq % 2**cfg.derived.seq_bits)
        seq += len(flits)
        seen += bool(flits)
    return seen


def test_frames_carry_a_crc_32c_that_an_independent_library_computes(tmp_path, seed):
    cfg = narrow()
    rng = np.random.default_rng(seed)
    start = start_of_traffic(cfg)
    run = run_links(cfg, both_ends(cfg), two_streams(cfg, rng, start=start, count=50),
                    cycles=start + 1500, folder=tmp_path)
    assert all(check_frames(cfg, beats) > 10 for beats in run.beats)


@pytest.fixture
def swapped_tap(monkeypatch):
    """CRC-32C with x^6 and x^7 of its polynomial swapped, at both ends."""
    monkeypatch.setattr(crc, "CRC32_ISCSI", Algorithm(
        crc_width=32, polynomial=0x1EDC6F41 ^ 0xC0, initial_crc=0xFFFFFFFF, reflect_input=True,
        reflect_output=True, xor_output=0xFFFFFFFF))
    for cached in (crc._rows, crc.residue):
        cached.cache_clear()
    yield
    for cached in (crc._rows, crc.residue):
        cached.cache_clear()


def test_a_swapped_crc_polynomial_tap_is_caught(tmp_path, seed, swapped_tap):
    cfg = narrow()
    rng = np.random.default_rng(seed)
    start = start_of_traffic(cfg)
    run = run_links(cfg, both_ends(cfg), two_streams(cfg, rng, start=start, count=50),
                    cycles=start + 1500, folder=tmp_path)
    for beats in run.beats:
        assert len(list(frames(cfg, beats))) > 10      # the two ends understand each other
        with pytest.raises(AssertionError):
            check_frames(cfg, beats)


class SkippingReplay(ReplayRing):
    """Replays from one flit too far."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        with m.If(self.seek):
            m.d.sync += self.tx.eq(self.position + Const(1, len(self.position)))
        return m


def test_a_replay_that_skips_a_flit_is_caught(tmp_path, seed, monkeypatch):
    monkeypatch.setattr(layer, "ReplayRing", SkippingReplay)
    cfg = narrow()
    rng = np.random.default_rng(seed)
    start = start_of_traffic(cfg)
    streams = two_streams(cfg, rng, start=start, count=100)
    run = run_links(cfg, both_ends(cfg), streams, cycles=start + 4000, folder=tmp_path,
                    ber=1e-4, seed=seed % 1000)
    with pytest.raises(AssertionError):
        for end in range(2):
            assert_lossless(streams[1 - end], run.delivered[end])
