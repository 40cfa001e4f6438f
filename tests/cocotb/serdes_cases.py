"""Configurations, beats and channels for the tests of the SerDes adapter."""

import numpy as np

from lightloom.config import load, override
from lightloom.config.derived import STAGES
from lightloom.sim.serdes import descramble, encode, marker
from lightloom.tb.line_harness import Line

SLOW = {"link__replay_flits": 512, "xbar__vc_depth": 512}
SMALL_FLITS = {"chiplet__flit_bytes": 16, "link__frame_flits": 4}
SHORT = {"serdes__marker_period": 64, "serdes__deskew_blocks": 16}
SHAPES = {
    "4x4-64": {},
    "4x4-66": {"serdes__word_bits": 66, "serdes__lane_gbps": 33.0, "chiplet__core_mhz": 500.4},
    "3x4-20": {"serdes__lanes": 3, "serdes__word_bits": 20, "serdes__lane_gbps": 10.0, **SLOW},
    "5x8-40": {"chiplet__flit_bytes": 64, "serdes__lanes": 5, "serdes__word_bits": 40,
               "serdes__lane_gbps": 20.0},
    "16x8-16": {"chiplet__flit_bytes": 64, "serdes__lanes": 16, "serdes__word_bits": 16,
                "serdes__lane_gbps": 8.0},
    "1x2-32": {**SMALL_FLITS, "serdes__lanes": 1, "serdes__word_bits": 32,
               "serdes__lane_gbps": 16.0, **SLOW},
    # In 16 bytes a set of eight lanes leaves room for three flits of a frame.
    "8x2-16": {**SMALL_FLITS, "link__frame_flits": 3, "serdes__lanes": 8, "serdes__word_bits": 16,
               "serdes__lane_gbps": 8.0, **SLOW},
}
"""Lanes x blocks of a beat - bits of a word: more lanes, fewer, as many; every word width."""

IDLE, PAD, MARKER, TRAIN, TAIL, UNKNOWN = 0x1E, 0x87, 0xFF, 0x55, 0x78, 0x79


def make(shape, **changes):
    return override(load("sim"), **{**SHORT, **SHAPES[shape], **changes})


def blocks_of(cfg, rng, bad=True):
    """A random beat: a flit, a TAIL with data, or blocks of any kind; `bad`: some that no beat
    may hold."""
    count = cfg.derived.blocks
    data, ctrl = rng.integers(0, 2**64, count, np.uint64), np.zeros(count, bool)
    kind = rng.integers(8)
    if kind in (1, 2):
        data[0], ctrl[0] = data[0] & ~np.uint64(0xFF) | np.uint64(TAIL), True
    elif kind == 3 or (kind == 4 and bad):
        kinds = (TRAIN, TAIL, UNKNOWN) if kind == 3 else (TRAIN, IDLE, PAD, MARKER)
        ctrl = rng.integers(0, 2, count).astype(bool)
        types = rng.choice(kinds, count).astype(np.uint64)
        data = np.where(ctrl, data & ~np.uint64(0xFF) | types, data)
    return data, ctrl


def is_bad(data, ctrl):
    return bool((ctrl & np.isin(data & np.uint64(0xFF), (IDLE, PAD, MARKER))).any())


def random_offers(cfg, rng, cycles, *, start=0, plain=False):
    """Offers in bursts and pauses until `cycles`; plain: flits and TAILs alone."""
    offers, cycle = [], start
    while cycle < cycles:
        gap = int(rng.choice([0, 0, 1, 3, 20]))
        for _ in range(int(rng.integers(1, 30))):
            cycle += int(rng.integers(0, gap + 1)) + (gap == 0)
            data, ctrl = blocks_of(cfg, rng, bad=not plain)
            if plain:
                ctrl[1:] = False
                ctrl[0] &= data[0] & np.uint64(0xFF) == TAIL
            offers.append((cycle, data, ctrl))
    return offers


def dense_offers(cfg, rng, count):
    """As many flits as the adapter takes."""
    data = rng.integers(0, 2**64, (count, cfg.derived.blocks), np.uint64)
    none = np.zeros(cfg.derived.blocks, bool)
    return [(0, blocks, none) for blocks in data]


def random_off(cfg, rng, cycles, changes):
    """`lanes_off` at `changes` random cycles, all lanes off now and then (which is ignored)."""
    full = (1 << cfg.serdes.lanes) - 1
    at = np.sort(rng.choice(np.arange(1, max(2, cycles)), min(changes, cycles - 1), replace=False))
    return [(int(c), full if rng.random() < 0.15 else int(rng.integers(0, full + 1))) for c in at]


def off_control(off):
    return [(cycle, {"lanes_off": lanes}) for cycle, lanes in off]


def bring_up_cycles(cfg, slips=66):
    """Enough for so many slips, of 6 blocks on average; lock, and two marker rows."""
    rows = 8 * slips + 64 + 3 * (cfg.serdes.marker_period + 1)
    return 66 * rows // cfg.serdes.word_bits + 100


def through_channel(words, bits, rng, order=None):
    """Delay each wire of words [cycles, lanes, width] by its own number of bits; noise first.

    Wire w carries lane `order[w]`.
    """
    out = np.zeros_like(words)
    for wire, delay in enumerate(bits):
        lane = wire if order is None else order[wire]
        line = np.concatenate([rng.integers(0, 2, delay, np.uint8), words[:, lane].reshape(-1)])
        out[:, wire] = line[:words[:, lane].size].reshape(words[:, lane].shape)
    return out


def ideal_bring_up(cfg):
    """More core cycles than two links need where lanes have no skew and no errors: block lock comes
    before the second marker row, and alignment with the third."""
    rows = 3 * (cfg.serdes.marker_period + 1)
    return int(66 * rows / cfg.derived.lane_bits) + 2 * cfg.derived.round_trip


def cycles_on_the_line(cfg, words):
    """{payload of a block: cycles of the words with its first and its last bit}."""
    begin, width, where = STAGES.lane_start + 2, cfg.serdes.word_bits, {}
    for lane in range(cfg.serdes.lanes):
        bits = words[begin:, lane].reshape(-1)
        blocks = bits[:bits.size // 66 * 66].reshape(-1, 66)
        sent = np.packbits(blocks[:, 2:], axis=1, bitorder="little").view("<u8").reshape(-1)
        for row, data in enumerate(descramble(sent, state=0)[0]):
            where[int(data)] = (begin + 66 * row // width, begin + (66 * row + 65) // width)
    return where


def near_delays(cfg, rng, slips, blocks):
    """Delays of whole blocks but for at most `slips` bits that a receiver has to slip.

    The receiver sees bit 0 of word S first, the transmitter begins two words later.
    """
    lead = 2 * cfg.serdes.word_bits
    first = -lead % 66
    return first + 66 * rng.integers(0, blocks + 1, cfg.serdes.lanes) + rng.integers(
        0, slips + 1, cfg.serdes.lanes)


def random_delays(cfg, rng):
    """Any phase, and a skew that the FIFOs cover."""
    return rng.integers(0, (cfg.serdes.deskew_blocks - 3) * 66, cfg.serdes.lanes)


def crafted_words(cfg, rng, cycles):
    """Words of rows that no transmitter sends: markers in wrong places, with a wrong `live`,
    `lane` or `phase`, pads and idles anywhere, all in any mixture."""
    lanes, period = cfg.serdes.lanes, cfg.serdes.marker_period
    rows = cycles * cfg.serdes.word_bits // 66 + 1
    full = (1 << lanes) - 1
    data = rng.integers(0, 2**64, (rows, lanes), np.uint64)
    ctrl = np.zeros((rows, lanes), bool)
    live = full
    for row in range(rows):
        if row % (period + 1) == 0:
            if rng.random() < 0.15:
                live = int(rng.integers(1, full + 1))
            phase = int(rng.integers(cfg.derived.blocks))
            ctrl[row] = True
            data[row] = [marker(lane, live=live, phase=phase) for lane in range(lanes)]
            if rng.random() < 0.3:
                lane = int(rng.integers(lanes))
                data[row, lane] = (
                    marker(int(rng.integers(16)), live=live), marker(lane, live=full), IDLE,
                    marker(lane, live=live | 1 << int(rng.integers(16))),
                    data[row, lane] ^ np.uint64(1 << 16))[rng.integers(5)]
            continue
        kind = rng.random()
        if kind < 0.1:
            ctrl[row], data[row] = True, IDLE
        elif kind < 0.3:
            pads = rng.integers(lanes + 1)
            ctrl[row, pads:], data[row, pads:] = True, PAD
        elif kind < 0.4:
            some = rng.random(lanes) < 0.3
            ctrl[row] = some
            types = rng.choice((IDLE, PAD, TRAIN, TAIL, UNKNOWN), lanes).astype(np.uint64)
            data[row] = np.where(some, data[row] & ~np.uint64(0xFF) | types, data[row])
        elif kind < 0.405:
            lane = int(rng.integers(lanes))
            ctrl[row, lane], data[row, lane] = True, marker(lane, live=live)
    words = np.zeros((cycles, lanes, cfg.serdes.word_bits), np.uint8)
    for lane in range(lanes):
        bits, _ = encode(data[:, lane], ctrl[:, lane], state=lane + 1)
        words[:, lane] = bits[:cycles * cfg.serdes.word_bits].reshape(cycles, -1)
    return words


def least_core(shape, **changes):
    """The shape with the slowest core clock that it may have."""
    cfg = make(shape, **changes)
    serdes = cfg.serdes
    least = (serdes.lane_gbps * 1000 / 66 * max(1, serdes.lanes / cfg.derived.blocks)
             * (1 + 2e-6 * serdes.clock_ppm))
    return override(cfg, chiplet__core_mhz=least)


def random_line(cfg, rng, **options):
    """Wires in any order, at any phase and a skew that the FIFOs cover."""
    lanes = cfg.serdes.lanes
    return Line(**{"order": tuple(rng.permutation(lanes)), "phase": tuple(rng.random(lanes)),
                   "skew": tuple(rng.integers(0, (cfg.serdes.deskew_blocks - 4) * 66, lanes)),
                   **options})


def paced_offers(cfg, rng, count, *, start=0, every=1):
    """Flits from a core cycle on, one every so many cycles at the most."""
    beats = enumerate(dense_offers(cfg, rng, count))
    return [(start + k * every, *beat) for k, (_, *beat) in beats]


def cycles_for(cfg, beats, lanes=None):
    """Core cycles that so many beats need at full load over so many live lanes."""
    rows = beats * cfg.derived.blocks / (lanes or cfg.serdes.lanes)
    return int(1.05 * max(beats, rows * 66 / cfg.derived.lane_bits)) + 300


def sent_as(offers, beats):
    """int64[m]: for each beat received which one offered it is; -1: none, or it has an error."""
    number = {data.tobytes() + ctrl.tobytes(): k
              for k, (_, data, ctrl) in enumerate(offers)}
    return np.array([-1 if error.any() else number.get(data.tobytes() + ctrl.tobytes(), -1)
                     for data, ctrl, error in zip(beats.data, beats.ctrl, beats.error,
                                                  strict=True)], np.int64)


def assert_wires_tell_the_errors(run):
    """A receiver's `wires` agree with its status: an error for each that was counted."""
    for wire, cycles, lane in zip(run.wires, run.errors, run.status["lanes"], strict=True):
        assert len(cycles) == sum(lane[name] for name in (
            "bad_headers", "bad_types", "bip_errors", "fec_uncorrected", "lock_losses"))
        for name in ("signal", "locked", "marker_lock", "lane"):
            assert wire[name] == lane[name], name


def unaligned(status, end):
    """(from, to) core cycles in which the port was not aligned."""
    spans, since = [], 0
    for cycle, fields in status:
        aligned = fields.get("rx", fields)["aligned"]
        if aligned and since is not None:
            spans.append((since, cycle))
        since = None if aligned else cycle if since is None else since
    return spans + ([(since, end)] if since is not None else [])
