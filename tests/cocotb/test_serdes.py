"""The exported SerDes adapter against the model: words bit for bit, beats cycle for cycle."""

import numpy as np
import pytest
from amaranth import Module, Signal

from lightloom.config import load, override
from lightloom.flow.cache import to_verilog
from lightloom.hdl.serdes import align, lane_rx, linecode, packing
from lightloom.hdl.serdes.gearbox_rx import GearboxRx
from lightloom.hdl.serdes.layer import AdapterRx, AdapterTx
from lightloom.sim.serdes import receive, transmit
from lightloom.tb.serdes_harness import run_receiver, run_transmitter

SLOW = {"link__replay_flits": 512, "xbar__vc_depth": 512}
SHORT_PERIOD = {"serdes__marker_period": 16, "serdes__deskew_blocks": 8}
SHAPES = {
    "row-is-beat-64": {},
    "row-is-beat-66": {"serdes__word_bits": 66, "serdes__lane_gbps": 33.0},
    "row-is-beat-20": {"serdes__word_bits": 20, "serdes__lane_gbps": 10.0, **SLOW},
    "one-lane-is-four-rows-16": {"serdes__lanes": 1, "serdes__word_bits": 16,
                                 "serdes__lane_gbps": 8.0, **SLOW},
    "two-beats-per-row-32": {"chiplet__flit_bytes": 16, "link__frame_flits": 4,
                             "serdes__word_bits": 32, "serdes__lane_gbps": 16.0},
    "four-beats-per-row-16": {"chiplet__flit_bytes": 16, "link__frame_flits": 4,
                              "serdes__lanes": 8, "serdes__word_bits": 16,
                              "serdes__lane_gbps": 8.0},
    "two-rows-per-beat-40": {"chiplet__flit_bytes": 64, "serdes__word_bits": 40,
                             "serdes__lane_gbps": 20.0},
    "four-rows-per-beat-64": {"chiplet__flit_bytes": 64, "serdes__lanes": 2},
}
"""All shapes of units.md, and every word width but for one that has another's rhythm."""


def make(shape, **changes):
    return override(load("sim"), **{"serdes__marker_period": 64, **SHAPES[shape], **changes})


@pytest.fixture(params=SHAPES)
def shape(request):
    return request.param


def blocks_of(cfg, rng, markers=False):
    """A random beat: a flit, a TAIL, or blocks that are each of any kind; `MARKER` if wanted."""
    count = cfg.derived.blocks
    data, ctrl = rng.integers(0, 2**64, count, np.uint64), np.zeros(count, bool)
    kind = rng.integers(4)
    if kind == 1:
        data[0], ctrl[0] = data[0] & ~np.uint64(0xFF) | np.uint64(0x78), True
    elif kind == 2:
        ctrl = rng.integers(0, 2, count).astype(bool)
        kinds = [0x1E, 0x55, 0x78, 0x79, *([0x4B] if markers else [])]
        types = rng.choice(kinds, count).astype(np.uint64)
        data = np.where(ctrl, data & ~np.uint64(0xFF) | types, data)
    return data, ctrl


def random_offers(cfg, rng, cycles, *, start=0, plain=False, markers_from=None):
    """Offers in bursts and pauses until `cycles`; plain: flits and TAILs alone.

    From cycle `markers_from` on there are stray `MARKER` blocks: no link sends such, and a
    receiver that is not aligned yet may take them for true ones for long.
    """
    offers, cycle = [], start
    while cycle < cycles:
        gap = int(rng.choice([0, 0, 1, 3, 20]))
        for _ in range(int(rng.integers(1, 30))):
            cycle += int(rng.integers(0, gap + 1)) + (gap == 0)
            stray = markers_from is not None and cycle >= markers_from
            data, ctrl = blocks_of(cfg, rng, markers=stray)
            if plain:
                ctrl[1:] = False
                ctrl[0] &= data[0] & np.uint64(0xFF) == 0x78
            offers.append((cycle, data, ctrl))
    return offers


def through_channel(words, bits, rng):
    """Delay each lane of words [cycles, lanes, width] by its own number of bits; noise first."""
    out = np.zeros_like(words)
    for lane, delay in enumerate(bits):
        line = np.concatenate([rng.integers(0, 2, delay, np.uint8), words[:, lane].reshape(-1)])
        out[:, lane] = line[:words[:, lane].size].reshape(words[:, lane].shape)
    return out


def from_bit(words, first):
    """Words [cycles, lanes, width] of each lane from its own bit on; zeros at the end."""
    out = np.zeros_like(words)
    for lane, bit in enumerate(first):
        line = words[:, lane].reshape(-1)[bit:]
        out[:, lane] = np.pad(line, (0, bit)).reshape(out[:, lane].shape)
    return out


def random_delays(cfg, rng):
    """Any phase, and a skew that the FIFOs cover."""
    return rng.integers(0, (cfg.serdes.deskew_blocks - 3) * 66, cfg.serdes.lanes)


def bring_up_cycles(cfg, slips=66):
    """Enough for so many slips, of 6 blocks on average; lock, and two marker rows."""
    rows = 8 * slips + 64 + 3 * (cfg.serdes.marker_period + 1)
    return 66 * rows // cfg.serdes.word_bits + 100


def run_tx(cfg, offers, cycles, folder):
    return run_transmitter(cfg, to_verilog(AdapterTx(cfg), name="adapter_tx"), offers, cycles,
                           folder=folder)


def run_rx(cfg, words, folder):
    return run_receiver(cfg, to_verilog(AdapterRx(cfg), name="adapter_rx"), words, folder=folder)


def assert_same_words(cfg, rng, folder, cycles=400):
    offers = random_offers(cfg, rng, cycles)
    accepted, words = run_tx(cfg, offers, cycles, folder)
    golden_accepted, golden_words = transmit(cfg, offers, cycles)
    assert np.array_equal(accepted, golden_accepted)
    wrong = np.argwhere(words != golden_words)
    assert not wrong.size, f"first wrong bit at (cycle, lane, bit) {wrong[0]}"


def assert_same_beats(cfg, words, folder):
    """The receiver's beats and the model's agree in every cycle; returns the receiver's run."""
    run, golden = run_rx(cfg, words, folder), receive(cfg, words)
    # The model also gives beats that come out after the last word.
    count = np.searchsorted(golden.cycle, len(words))
    for name, seen, want in zip(golden._fields, run.beats, golden, strict=True):
        want, common = want[:count], min(count, len(seen))
        differs = np.argwhere(seen[:common] != want[:common])
        assert not differs.size, (
            f"beat {differs[0, 0]}, {name}: expected {want[differs[0, 0]]}, "
            f"seen {seen[differs[0, 0]]}")
        assert len(seen) == count, f"{name}: {count} beats expected, seen {len(seen)}"
    return run


def test_transmitter_equals_the_model_in_every_bit_of_every_cycle(shape, seed, tmp_path):
    cfg = make(shape, **SHORT_PERIOD)
    assert_same_words(cfg, np.random.default_rng(seed), tmp_path)


def test_receiver_equals_the_model_in_every_cycle_from_reset_on(shape, seed, tmp_path):
    cfg, rng = make(shape), np.random.default_rng(seed)
    cycles = bring_up_cycles(cfg) + 500
    _, words = transmit(cfg, random_offers(cfg, rng, cycles), cycles)
    run = assert_same_beats(cfg, through_channel(words, random_delays(cfg, rng), rng), tmp_path)
    assert run.aligned and all(run.lane_lock) and len(run.beats.cycle) > 50
    assert run.counters["realigns"] == 0 and not any(run.counters["header_errors"].values())


ERROR_SHAPES = ["row-is-beat-64", "row-is-beat-66", "two-beats-per-row-32",
                "two-rows-per-beat-40", "four-rows-per-beat-64"]


@pytest.mark.parametrize("shape", ERROR_SHAPES)
def test_receiver_equals_the_model_through_bit_errors_lost_lock_and_a_jump_of_skew(
        shape, seed, tmp_path):
    cfg = make(shape, serdes__marker_period=32)
    rng = np.random.default_rng(seed)
    near, far = bring_up_cycles(cfg, slips=4), bring_up_cycles(cfg)
    cycles = 2 * near + 2 * far
    _, words = transmit(cfg, random_offers(cfg, rng, cycles, markers_from=near), cycles)
    # Few slips from the phase of each lane to lock, as each begins within its first rows.
    first = 3 * cfg.serdes.word_bits + 66 * rng.integers(1, 6, cfg.serdes.lanes)
    line = from_bit(words, first - rng.integers(0, 4, cfg.serdes.lanes))
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
    assert run.counters["realigns"] >= 1 and sum(run.counters["header_errors"].values()) >= 16
    assert run.beats.error.any()


def spoil_headers(words, rows, lane):
    """Make the sync header of `rows` bad on one lane."""
    line = words[3:, lane].reshape(-1)
    for row in rows:
        line[66 * row] = line[66 * row + 1]
    words[3:, lane] = line.reshape(words[3:, lane].shape)


def with_wrong_marker_rows(cfg, rng, count):
    """Words with `count` marker rows running that are wrong, on any lane each."""
    cycles = 3000
    _, words = transmit(cfg, random_offers(cfg, rng, cycles, plain=True), cycles)
    for k in range(count):
        spoil_headers(words, [(cfg.serdes.marker_period + 1) * (100 + k)],
                      rng.integers(cfg.serdes.lanes))
    return words


@pytest.mark.parametrize(("count", "realigns"), [(3, 0), (4, 1)])
def test_four_wrong_marker_rows_running_end_the_alignment_and_three_do_not(
        count, realigns, seed, tmp_path):
    cfg = make("row-is-beat-64", **SHORT_PERIOD)
    words = with_wrong_marker_rows(cfg, np.random.default_rng(seed), count)
    run = assert_same_beats(cfg, words, tmp_path)
    assert run.counters["realigns"] == realigns and run.aligned
    assert sum(run.counters["header_errors"].values()) == count


# At just the depth it depends on the cycles in which the lanes' blocks fall.
@pytest.mark.parametrize(("skew", "aligns"), [
    (6, {True}), (7, {True}), (8, {True, False}), (9, {False})])
def test_skew_up_to_the_depth_of_the_fifos_aligns_just_as_in_the_model(
        skew, aligns, seed, tmp_path):
    cfg, rng = make("row-is-beat-64", serdes__deskew_blocks=8), np.random.default_rng(seed)
    cycles = 1200
    _, words = transmit(cfg, random_offers(cfg, rng, cycles), cycles)
    delays = np.zeros(cfg.serdes.lanes, int)
    delays[rng.integers(cfg.serdes.lanes)] = 66 * skew
    run = assert_same_beats(cfg, through_channel(words, delays, rng), tmp_path)
    assert run.aligned in aligns


def test_swapped_lanes_never_align(tmp_path, seed):
    cfg, rng = make("row-is-beat-64", **SHORT_PERIOD), np.random.default_rng(seed)
    _, words = transmit(cfg, random_offers(cfg, rng, 1000), 1000)
    run = assert_same_beats(cfg, words[:, [0, 1, 3, 2]], tmp_path)
    assert all(run.lane_lock) and not run.aligned and not len(run.beats.cycle)


@pytest.mark.parametrize("shape", [
    "row-is-beat-20", "two-beats-per-row-32", "four-rows-per-beat-64"])
def test_round_trip_gives_every_beat_once_in_order_and_unchanged(shape, seed, tmp_path):
    cfg, rng = make(shape), np.random.default_rng(seed)
    start = bring_up_cycles(cfg)
    cycles = start + 800
    offers = random_offers(cfg, rng, cycles - 300, start=start, plain=True)
    accepted, words = run_tx(cfg, offers, cycles, tmp_path / "tx")
    offers = [offer for offer, cycle in zip(offers, accepted, strict=True)
              if 0 <= cycle < cycles - 200]
    beats = run_rx(cfg, through_channel(words, random_delays(cfg, rng), rng),
                   tmp_path / "rx").beats
    assert len(offers) > 30 and not beats.error.any()
    for k, (_, data, ctrl) in enumerate(offers):
        assert np.array_equal(beats.data[k], data) and np.array_equal(beats.ctrl[k], ctrl)


def test_a_swapped_scrambler_tap_is_caught_in_the_transmitter(seed, tmp_path, monkeypatch):
    monkeypatch.setattr(linecode, "TAPS", (38, 58))
    with pytest.raises(AssertionError, match="first wrong bit"):
        assert_same_words(make("row-is-beat-64"), np.random.default_rng(seed), tmp_path, 100)


def test_a_marker_without_its_complement_is_caught_in_the_transmitter(
        seed, tmp_path, monkeypatch):
    monkeypatch.setattr(packing, "marker", lambda lane: linecode.marker(lane) & 0xFFFF)
    with pytest.raises(AssertionError, match="first wrong bit"):
        assert_same_words(make("row-is-beat-64"), np.random.default_rng(seed), tmp_path, 100)


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
    cfg, rng = make("row-is-beat-64", **SHORT_PERIOD), np.random.default_rng(seed)
    cycles = bring_up_cycles(cfg, slips=20) + 200
    _, words = transmit(cfg, random_offers(cfg, rng, cycles), cycles)
    with pytest.raises(AssertionError, match="beats expected"):
        assert_same_beats(cfg, through_channel(words, [66 - 7] * cfg.serdes.lanes, rng), tmp_path)


def test_an_aligner_that_gives_up_one_marker_row_early_is_caught(seed, tmp_path, monkeypatch):
    monkeypatch.setattr(align, "MOST_WRONG", 3)
    cfg = make("row-is-beat-64", **SHORT_PERIOD)
    words = with_wrong_marker_rows(cfg, np.random.default_rng(seed), 3)
    with pytest.raises(AssertionError):
        assert_same_beats(cfg, words, tmp_path)
