"""The exported SerDes adapter against the model: words bit for bit, beats cycle for cycle."""

import numpy as np
import pytest
from amaranth import Module, Signal
from serdes_cases import (
    SHAPES,
    assert_wires_tell_the_errors,
    bring_up_cycles,
    crafted_words,
    dense_offers,
    is_bad,
    make,
    near_delays,
    off_control,
    random_delays,
    random_off,
    random_offers,
    through_channel,
)

from lightloom.flow.cache import to_verilog
from lightloom.hdl.serdes import align, lane_rx, linecode
from lightloom.hdl.serdes.gearbox_rx import GearboxRx
from lightloom.hdl.serdes.layer import AdapterRx, AdapterTx
from lightloom.sim.serdes import receive_all, transmit
from lightloom.tb.serdes_harness import run_receiver, run_transmitter


@pytest.fixture(params=SHAPES)
def shape(request):
    return request.param


def run_tx(cfg, offers, cycles, folder, **options):
    return run_transmitter(cfg, to_verilog(AdapterTx(cfg), name="adapter_tx"), offers, cycles,
                           folder=folder, **options)


def run_rx(cfg, words, folder, **options):
    return run_receiver(cfg, to_verilog(AdapterRx(cfg), name="adapter_rx"), words, folder=folder,
                        **options)


def assert_same_words(cfg, offers, cycles, folder, off=(), **options):
    run = run_tx(cfg, offers, cycles, folder, control=off_control(off), **options)
    accepted, words = transmit(cfg, offers, cycles, off)
    wrong = np.flatnonzero(run.accepted != accepted)
    assert not wrong.size, (f"beat {wrong[0]}: taken in cycle {run.accepted[wrong[0]]}, expected "
                            f"{accepted[wrong[0]]}")
    wrong = np.argwhere(run.words != words)
    assert not wrong.size, f"first wrong bit at (cycle, lane, bit) {wrong[0]}"
    # The status is that of cycle `cycles`: it counts what came before.
    taken = [offer for offer, cycle in zip(offers, accepted, strict=True)
             if 0 <= cycle < cycles]
    assert run.status["bad_beats"] == sum(is_bad(*beat) for _, *beat in taken)
    return run


def assert_same_beats(cfg, words, folder, **options):
    """The receiver's beats and the model's agree in every cycle; returns the receiver's run."""
    run, golden = run_rx(cfg, words, folder, **options), receive_all(cfg, words)
    # The model also gives beats that come out after the last word.
    count = np.searchsorted(golden.beats.cycle, len(words))
    for name, seen, want in zip(golden.beats._fields, run.beats, golden.beats, strict=True):
        want, common = want[:count], min(count, len(seen))
        differs = np.argwhere(seen[:common] != want[:common])
        assert not differs.size, (
            f"beat {differs[0, 0]}, {name}: expected {want[differs[0, 0]]}, "
            f"seen {seen[differs[0, 0]]}")
        assert len(seen) == count, f"{name}: {count} beats expected, seen {len(seen)}"
    assert not run.slips.any()
    assert_wires_tell_the_errors(run)
    # What the last words did to the state is on its way still, and to counters for four cycles.
    before = receive_all(cfg, words[:-200])
    state = golden.aligned, golden.live, golden.realigns, golden.broken_beats
    if state == (before.aligned, before.live, before.realigns, before.broken_beats):
        assert run.aligned == golden.aligned
        assert run.status["broken_beats"] == golden.broken_beats
        if run.aligned:
            assert (run.status["live"], run.status["realigns"]) == (golden.live, golden.realigns)
    counted = receive_all(cfg, words[:-4])
    for name in ("bad_headers", "bad_types", "bip_errors"):
        seen = [lane[name] for lane in run.status["lanes"]]
        assert seen == list(getattr(counted, name)), f"{name}: expected {getattr(counted, name)}"
    return run


def test_transmitter_equals_the_model_in_every_bit_of_every_cycle(shape, seed, tmp_path):
    cfg, rng = make(shape), np.random.default_rng(seed)
    cycles = 1500
    run = assert_same_words(cfg, random_offers(cfg, rng, cycles), cycles, tmp_path,
                            random_off(cfg, rng, cycles, 12))
    assert (run.accepted >= 0).sum() > 15


def test_transmitter_at_full_load_equals_the_model(shape, seed, tmp_path):
    cfg, rng = make(shape), np.random.default_rng(seed)
    assert_same_words(cfg, dense_offers(cfg, rng, 800), 800, tmp_path,
                      random_off(cfg, rng, 800, 3))


def test_receiver_equals_the_model_from_reset_on_while_the_live_lanes_change(
        shape, seed, tmp_path):
    cfg, rng = make(shape), np.random.default_rng(seed)
    wide = cfg.serdes.lanes > 8     # few slips then, to spare the simulator
    start = bring_up_cycles(cfg, slips=2 if wide else 66)
    cycles = start + 6 * (cfg.serdes.marker_period + 1) * 66 // cfg.serdes.word_bits
    # The live set stays for a while: it takes two marker rows to align.
    off = [(start + k * (cycles - start) // 2, lanes)
           for k, (_, lanes) in enumerate(random_off(cfg, rng, cycles, 2))]
    _, words = transmit(cfg, random_offers(cfg, rng, cycles), cycles, off)
    order = rng.permutation(cfg.serdes.lanes)
    delays = near_delays(cfg, rng, 1, 1) if wide else random_delays(cfg, rng)
    run = assert_same_beats(cfg, through_channel(words, delays, rng, order), tmp_path)
    assert all(lane["locked"] and lane["marker_lock"] for lane in run.status["lanes"])
    assert [lane["lane"] for lane in run.status["lanes"]] == list(order)
    assert len(run.beats.cycle) > 10    # few where one lane is left of many


def some(quick, thorough):
    """Cases of every run, and those of a long one."""
    return [*quick, *(pytest.param(*case, marks=pytest.mark.long) for case in thorough)]


@pytest.mark.parametrize(("shape", "cycles"), some(
    [("4x4-66", 4000), ("5x8-40", 4000)],
    [("4x4-66", 8000), ("3x4-20", 8000), ("5x8-40", 8000)]))
def test_receiver_equals_the_model_under_many_live_sets(shape, cycles, seed, tmp_path):
    cfg, rng = make(shape), np.random.default_rng(seed)
    _, words = transmit(cfg, random_offers(cfg, rng, cycles), cycles,
                        random_off(cfg, rng, cycles, cycles // 600))
    order = rng.permutation(cfg.serdes.lanes)
    line = through_channel(words, near_delays(cfg, rng, 1, 4), rng, order)
    run = assert_same_beats(cfg, line, tmp_path)
    assert len(run.beats.cycle) > 100


@pytest.mark.parametrize("shape", [
    "4x4-66", "5x8-40", *(pytest.param(shape, marks=pytest.mark.long)
                          for shape in ("4x4-64", "1x2-32"))])
def test_receiver_equals_the_model_through_bit_errors_lost_lock_and_a_jump_of_skew(
        shape, seed, tmp_path):
    cfg, rng = make(shape), np.random.default_rng(seed)
    near, far = bring_up_cycles(cfg, slips=4), bring_up_cycles(cfg)
    cycles = 2 * near + 2 * far
    _, words = transmit(cfg, random_offers(cfg, rng, cycles), cycles,
                        random_off(cfg, rng, cycles, 2))
    line = through_channel(words, near_delays(cfg, rng, 3, 4), rng)
    # Noise on one lane until it must have lost block lock; then it has to find it from anywhere.
    lane = rng.integers(cfg.serdes.lanes)
    burst = line[near + far // 4:, lane][:64 * 66 // cfg.serdes.word_bits]
    burst[:] = rng.integers(0, 2, burst.shape)
    # The same lane is then suddenly later by more than the FIFOs hold.
    jump = near + far
    late = line[jump:, lane].reshape(-1)
    late = np.concatenate([late[:66 * 2 * cfg.serdes.deskew_blocks], late])[:late.size]
    line[jump:, lane] = late.reshape(line[jump:, lane].shape)
    flips = rng.random(line.shape) < 10 ** rng.uniform(-4.5, -2.5)
    flips[:near] = flips[-near:] = False
    run = assert_same_beats(cfg, line ^ flips, tmp_path)
    assert sum(lane["bad_headers"] for lane in run.status["lanes"]) >= 16


@pytest.mark.parametrize(("shape", "cycles"), some(
    [("4x4-64", 5000), ("5x8-40", 4000)],
    [(shape, 12_000) for shape in ("4x4-64", "5x8-40", "8x2-16", "1x2-32")]))
def test_receiver_equals_the_model_on_rows_that_no_transmitter_sends(
        shape, cycles, seed, tmp_path):
    cfg, rng = make(shape), np.random.default_rng(seed)
    line = crafted_words(cfg, rng, cycles)
    line = through_channel(line, 66 * rng.integers(0, 8, cfg.serdes.lanes), rng,
                           rng.permutation(cfg.serdes.lanes))
    run = assert_same_beats(cfg, line, tmp_path)
    assert run.status["broken_beats"] and run.beats.error.any()


def spoil_headers(cfg, line, rows, lane):
    """Make the sync header of `rows` bad on one lane; row 0 begins in the fourth word."""
    bits = line[4:, lane].reshape(-1)
    for row in rows:
        bits[66 * row] = bits[66 * row + 1]
    line[4:, lane] = bits.reshape(line[4:, lane].shape)


def with_wrong_marker_rows(cfg, rng, count):
    """Words with `count` marker rows running that are wrong, on any lane each."""
    rows = cfg.serdes.marker_period + 1
    cycles = 40 * rows
    _, words = transmit(cfg, random_offers(cfg, rng, cycles, plain=True), cycles)
    for k in range(count):
        spoil_headers(cfg, words, [rows * (25 + k)], rng.integers(cfg.serdes.lanes))
    return words


@pytest.mark.parametrize(("count", "realigns"), [(3, 0), (4, 1)])
def test_four_wrong_marker_rows_running_end_the_alignment_and_three_do_not(
        count, realigns, seed, tmp_path):
    cfg, rng = make("4x4-66"), np.random.default_rng(seed)
    words = with_wrong_marker_rows(cfg, rng, count)
    run = assert_same_beats(cfg, words, tmp_path)
    assert run.status["realigns"] == realigns and run.aligned
    assert sum(lane["bad_headers"] for lane in run.status["lanes"]) == count


# Above 16, `deskew_blocks`, it depends on the cycles in which the lanes' blocks fall.
@pytest.mark.parametrize(("skew", "aligns"), [
    (16, {True}), (18, {True, False}), (19, {True, False}), (21, {False})])
def test_skew_up_to_deskew_blocks_aligns_and_beyond_just_as_in_the_model(
        skew, aligns, seed, tmp_path):
    cfg, rng = make("4x4-64"), np.random.default_rng(seed)
    cycles = bring_up_cycles(cfg) + 500
    _, words = transmit(cfg, random_offers(cfg, rng, cycles), cycles)
    delays = near_delays(cfg, rng, 0, 0)
    delays[rng.integers(cfg.serdes.lanes)] += 66 * skew
    run = assert_same_beats(cfg, through_channel(words, delays, rng), tmp_path)
    assert run.aligned in aligns


@pytest.mark.parametrize("shape", ["3x4-20", "4x4-66"])
def test_round_trip_gives_every_beat_once_in_order_and_unchanged(shape, seed, tmp_path):
    cfg, rng = make(shape), np.random.default_rng(seed)
    start = bring_up_cycles(cfg)
    cycles = start + 2900
    offers = random_offers(cfg, rng, cycles, start=start, plain=True)[:150]
    run = run_tx(cfg, offers, cycles, tmp_path / "tx",
                 control=off_control([(0, int(rng.integers(2**cfg.serdes.lanes - 1)))]))
    assert (run.accepted >= 0).all()
    line = through_channel(run.words, random_delays(cfg, rng), rng,
                           rng.permutation(cfg.serdes.lanes))
    beats = run_rx(cfg, line, tmp_path / "rx").beats
    assert not beats.error.any()
    assert np.array_equal(beats.data, [data for _, data, _ in offers])
    assert np.array_equal(beats.ctrl, [ctrl for _, _, ctrl in offers])


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("shape", ["4x4-66", "5x8-40", "16x8-16"])
def test_350_000_blocks_equal_the_model_through_live_sets_and_bit_errors(shape, seed, tmp_path):
    cfg, rng = make(shape), np.random.default_rng(seed)
    cycles = 350_000 // cfg.serdes.lanes * 66 // cfg.serdes.word_bits
    words = assert_same_words(
        cfg, random_offers(cfg, rng, cycles), cycles, tmp_path / "tx",
        random_off(cfg, rng, cycles, cycles // 5000), simulator="verilator").words
    line = through_channel(words, near_delays(cfg, rng, 1, 8), rng,
                           rng.permutation(cfg.serdes.lanes))
    # Without errors, with a few, and with many, in turn.
    rate = rng.choice([0, 1e-6, 1e-5, 1e-4, 1e-3], cycles // 4000 + 1).repeat(4000)[:cycles]
    for begin in range(0, cycles, 4000):
        part = slice(begin, begin + 4000)
        line[part] ^= rng.random(line[part].shape) < rate[part, None, None]
    run = assert_same_beats(cfg, line, tmp_path / "rx", simulator="verilator")
    print(f"{len(run.beats.cycle)} beats, {run.status['realigns']} realigns, "
          f"{run.status['broken_beats']} broken beats")
    assert run.status["realigns"] > 5 and run.beats.error.any()


def test_lanes_without_signal_do_not_lock_and_the_others_align(seed, tmp_path):
    cfg, rng = make("4x4-66"), np.random.default_rng(seed)
    cycles = bring_up_cycles(cfg)
    _, words = transmit(cfg, random_offers(cfg, rng, cycles), cycles, [(0, 0b0100)])
    signal = np.ones((cycles, 4), bool)
    signal[:, 2] = False
    status = run_rx(cfg, words, tmp_path, signal=signal).status
    assert status["aligned"] and status["live"] == 0b1011
    for name in ("signal", "locked", "live"):
        assert [lane[name] for lane in status["lanes"]] == [1, 1, 0, 1]
    assert all(lane["clock"] for lane in status["lanes"])


def test_a_swapped_scrambler_tap_is_caught_in_the_transmitter(seed, tmp_path, monkeypatch):
    monkeypatch.setattr(linecode, "TAPS", (38, 58))
    cfg, rng = make("4x4-64"), np.random.default_rng(seed)
    with pytest.raises(AssertionError, match="first wrong bit"):
        assert_same_words(cfg, random_offers(cfg, rng, 100), 100, tmp_path)


class SlipsTwoBits(GearboxRx):
    """Slips one bit for each slip, and one more in the cycle after it."""

    def elaborate(self, platform):
        m = Module()
        m.submodules.gearbox = gearbox = GearboxRx(self._cfg)
        again = Signal()
        m.d.sync += again.eq(self.slip)
        m.d.comb += [gearbox.word.eq(self.word), gearbox.slip.eq(self.slip | again),
                     self.valid.eq(gearbox.valid), self.block.eq(gearbox.block)]
        return m


def test_a_gearbox_that_slips_two_bits_is_caught_in_the_receiver(seed, tmp_path, monkeypatch):
    monkeypatch.setattr(lane_rx, "GearboxRx", SlipsTwoBits)
    cfg, rng = make("4x4-64"), np.random.default_rng(seed)
    cycles = bring_up_cycles(cfg, slips=20) + 200
    _, words = transmit(cfg, random_offers(cfg, rng, cycles), cycles)
    with pytest.raises(AssertionError, match="beats expected"):
        assert_same_beats(cfg, through_channel(words, near_delays(cfg, rng, 0, 0) + 7, rng),
                          tmp_path)


def test_an_aligner_that_gives_up_one_marker_row_early_is_caught(seed, tmp_path, monkeypatch):
    monkeypatch.setattr(align, "MOST_WRONG", 3)
    cfg = make("4x4-66")
    words = with_wrong_marker_rows(cfg, np.random.default_rng(seed), 3)
    with pytest.raises(AssertionError):
        assert_same_beats(cfg, words, tmp_path)
