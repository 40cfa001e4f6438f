"""docs/serdes.md once more, in plain Python: what the line carries. And channels to try it on."""

import numpy as np

from lightloom.config import load, override, scrambler_seed

IDLE, PAD, MARKER = 0x1E, 0x87, 0xFF

# lanes, flit bytes, word bits. Beats and rows are multiples of each other, or not.
SHAPES = {
    "4 lanes, beat of 4": (4, 32, 64),
    "4 lanes, beat of 4, words of 66": (4, 32, 66),
    "4 lanes, beat of 4, words of 20": (4, 32, 20),
    "4 lanes, beat of 2": (4, 16, 32),
    "4 lanes, beat of 8": (4, 64, 64),
    "3 lanes, beat of 4": (3, 32, 66),
    "3 lanes, beat of 2": (3, 16, 40),
    "5 lanes, beat of 8": (5, 64, 64),
    "1 lane, beat of 4": (1, 32, 64),
    "1 lane, beat of 2": (1, 16, 66),
    "16 lanes, beat of 8": (16, 64, 32),
    "16 lanes, beat of 4": (16, 32, 16),
    "16 lanes, beat of 2": (16, 16, 16),
}


def shaped(name, *, period=64, depth=12, **fields):
    """A configuration of one clock; where the port is wider than the core can feed, of two."""
    lanes, size, width = SHAPES[name]
    least = 1000 * width / 66 * max(1, 8 * lanes / size)
    return override(
        load("sim"), serdes__lanes=lanes, chiplet__flit_bytes=size, serdes__word_bits=width,
        serdes__lane_gbps=float(width), chiplet__core_mhz=max(1000.0, least), serdes__clock_ppm=0,
        serdes__marker_period=period, serdes__deskew_blocks=depth, rack__fibre_m=1.0,
        chiplet__vcs=1, link__frame_flits=1, link__replay_flits=8192, xbar__vc_depth=8192, **fields)


def line_blocks(words, lane):
    """Blocks of a lane from the first row on: (first header bit, second, payload as sent)."""
    width = words.shape[2]
    bits = words[4:, lane].reshape(-1)
    return [(int(bits[at]), int(bits[at + 1]), [int(bit) for bit in bits[at + 2:at + 66]])
            for at in range(0, width * len(words[4:]) - 65, 66)]


def clear_payloads(sent, lane):
    """Descrambled as one long number, whose bit i is the bit sent as the i-th: taps are shifts."""
    seed = scrambler_seed(lane)
    history = sum((seed >> i & 1) << 57 - i for i in range(58))
    text = "".join(str(bit) for payload in reversed(sent) for bit in reversed(payload))
    number = int(text, 2) << 58 | history
    clear = (number ^ number << 39 ^ number << 58) >> 58
    return [clear >> 64 * k & 2**64 - 1 for k in range(len(sent))]


def parities(blocks):
    """`bip` of each block's own bits."""
    out = []
    for first, second, payload in blocks:
        bip = first << 3 ^ second << 4
        for place, bit in enumerate(payload):
            bip ^= bit << place % 8
        out.append(bip)
    return out


def offers_of(cfg, rng, count, gap, start=0):
    """Beats of random blocks, a TAIL first in every third; the cycles between them are random."""
    blocks = cfg.derived.blocks
    offers, cycle = [], start
    for index in range(count):
        cycle += int(rng.integers(0, gap + 1))
        data, ctrl = rng.integers(0, 2**64, blocks, np.uint64), np.zeros(blocks, bool)
        if index % 3 == 0:
            data[0], ctrl[0] = data[0] & ~np.uint64(0xFF) | np.uint64(0x78), True
        offers.append((cycle, data, ctrl))
    return offers


def channel(words, delays, rng=None):
    """Delay each wire of words [cycles, lanes, width] by its own number of bits."""
    out = np.zeros_like(words)
    for wire, delay in enumerate(delays):
        line = words[:, wire].reshape(-1)
        before = rng.integers(0, 2, delay) if rng else np.zeros(delay)
        out[:, wire] = np.concatenate([before, line])[:line.size].reshape(words[:, wire].shape)
    return out


def rows(cfg, count):
    """Cycles that so many line rows take, at least."""
    return count * 66 // cfg.serdes.word_bits + 1
