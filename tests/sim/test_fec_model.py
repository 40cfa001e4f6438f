"""FEC of a lane: the code against galois, the blocks' order, sync by trial, and whole ports."""

import functools

import galois
import numpy as np
import pytest
from serdes_restated import channel, line_blocks, offers_of, rows, shaped

from lightloom.config import FEC_BLOCKS
from lightloom.sim.serdes import receive_all, transmit
from lightloom.sim.serdes.fec import decode_blocks, fec_of, with_parity
from lightloom.sim.serdes.reedsolomon import correct_word, parity_symbols

# GF(2^m), its polynomial, n, k, symbols corrected
CODES = {"rs152": (8, 0x11D, 152, 144, 3), "rs544": (10, 0x409, 544, 514, 15)}
every_code = pytest.mark.parametrize("name", CODES)


@functools.cache
def judge(name):
    """galois' code, unshortened."""
    m, polynomial, n, k, _ = CODES[name]
    field = galois.GF(2**m, irreducible_poly=polynomial, primitive_element=2)
    return field, galois.ReedSolomon(2**m - 1, 2**m - 1 - (n - k), field=field, alpha=2, c=0)


def random_codewords(name, rng, count):
    m, _, n, k, _ = CODES[name]
    messages = rng.integers(0, 2**m, (count, k))
    return np.concatenate([messages, parity_symbols(fec_of(name).code, messages)], axis=1)


@every_code
def test_parity_is_what_galois_finds(name, seed):
    words = random_codewords(name, np.random.default_rng(seed), 20)
    field, code = judge(name)
    k = CODES[name][3]
    assert np.array_equal(np.asarray(code.encode(field(words[:, :k]))), words)


@every_code
@pytest.mark.parametrize("extra", [-10, -1, 0, 1, 2, 100])
def test_a_word_is_corrected_up_to_the_limit_and_else_left(name, extra, seed):
    rng = np.random.default_rng(seed)
    m, _, n, _, correct = CODES[name]
    wrong = min(max(correct + extra, 0), n)
    for word in random_codewords(name, rng, 20):
        received = word.copy()
        received[rng.permutation(n)[:wrong]] ^= rng.integers(1, 2**m, wrong)
        seen = received.copy()
        found = correct_word(fec_of(name).code, seen)
        if wrong <= correct:
            assert found == wrong and np.array_equal(seen, word)
        else:
            assert found == -1 and np.array_equal(seen, received)


def blocks_of(name, rng, words):
    """Line blocks of whole codewords: payloads and ctrl bits, parity blocks among them."""
    count = words * FEC_BLOCKS[name][0]
    sent, ctrl = rng.integers(0, 2**64, (1, count), np.uint64), rng.random((1, count)) < 0.5
    payload, control = with_parity(name, sent, ctrl)
    return sent[0], ctrl[0], payload[0], control[0]


@every_code
def test_a_codeword_is_the_blocks_bits_in_order(name, seed):
    """The message as one string of bits, ctrl bits first in their blocks; galois adds parity."""
    sent, ctrl, payload, control = blocks_of(name, np.random.default_rng(seed), 1)
    m, _, n, k, _ = CODES[name]
    zeros = "0" * 7 if name == "rs152" else ""
    text = "".join(str(int(sync)) + zeros + f"{int(block):064b}"[::-1]
                   for block, sync in zip(sent, ctrl, strict=True))
    text = text.ljust(k * m, "0")
    symbols = [int(text[at:at + m][::-1], 2) for at in range(0, k * m, m)]
    field, code = judge(name)
    parity = [int(symbol) for symbol in code.encode(field(symbols))[k:]]
    data, extra = FEC_BLOCKS[name]
    each = len(parity) // extra
    assert [int(block) for block in payload[data:]] == [
        sum(symbol << m * i for i, symbol in enumerate(parity[at:at + each]))
        for at in range(0, len(parity), each)]
    assert not control[data:].any() and np.array_equal(payload[:data], sent)


@every_code
def test_sync_takes_a_trial_for_each_phase(name, seed):
    """From a phase that s slips make right: (2 T + 1) s + T blocks, then the codewords given."""
    rng = np.random.default_rng(seed)
    data, extra = FEC_BLOCKS[name]
    size = data + extra
    for slips in (0, 1, 3, size - 1):
        words = 2 * slips + slips // size + 8
        sent, ctrl, payload, control = blocks_of(name, rng, words)
        skipped = (size - slips) % size
        got = decode_blocks(fec_of(name), payload[skipped:], control[skipped:])
        first = (2 * size + 1) * slips + size
        assert got.codeword.tolist() == list(range(first, len(payload) - skipped - size + 1, size))
        number = (first + skipped) // size
        assert np.array_equal(got.payload.reshape(-1), sent[number * data:])
        assert np.array_equal(got.ctrl.reshape(-1), ctrl[number * data:])
        assert not got.bad.any()


@every_code
@pytest.mark.parametrize("bad", [7, 8, 9])
def test_eight_bad_codewords_running_end_the_sync(name, bad, seed):
    rng = np.random.default_rng(seed)
    data, extra = FEC_BLOCKS[name]
    size = data + extra
    sent, ctrl, payload, control = blocks_of(name, rng, 20)
    spoilt = payload.copy()
    spoilt[5 * size:(5 + bad) * size] ^= rng.integers(1, 2**64, bad * size, np.uint64)
    got = decode_blocks(fec_of(name), spoilt, control)
    numbers = got.codeword // size
    if bad == 7:
        assert numbers.tolist() == list(range(1, 20))
    else:
        # One trial at this phase; if it fails too, the phase slips.
        assert numbers.tolist() == [*range(1, 12), *(range(14, 20) if bad == 8 else [])]
    assert got.bad.sum() == 7
    received = spoilt.reshape(-1, size)[:, :data]
    assert np.array_equal(got.payload[got.bad], received[numbers[got.bad]])


@every_code
def test_the_line_has_a_codeword_of_parity_in_its_place(name):
    cfg = shaped("4 lanes, beat of 4", period=64, serdes__fec=name)
    data, extra = FEC_BLOCKS[name]
    _, words = transmit(cfg, offers_of(cfg, np.random.default_rng(1), 50, 3), rows(cfg, 180))
    for lane in range(4):
        blocks = line_blocks(words, lane)[:2 * (data + extra)]
        payload = np.array([sum(bit << i for i, bit in enumerate(bits)) for *_, bits in blocks],
                           np.uint64)
        ctrl = np.array([first for first, *_ in blocks]) == 1
        place = np.arange(len(blocks)) % (data + extra) < data
        assert not ctrl[~place].any()
        again, _ = with_parity(name, payload[None, place], ctrl[None, place])
        assert np.array_equal(again[0], payload)


@every_code
@pytest.mark.parametrize(
    "shape", ["4 lanes, beat of 4", "3 lanes, beat of 2", "5 lanes, beat of 8"])
def test_beats_come_back_through_any_channel(name, shape, seed):
    cfg, rng = shaped(shape, serdes__fec=name), np.random.default_rng(seed)
    size = sum(FEC_BLOCKS[name])
    start = rows(cfg, 1000 + 3 * size * size)
    offers = offers_of(cfg, rng, 200, 4, start)
    cycles = start + rows(cfg, 200 * cfg.derived.blocks + 400) + 800
    accepted, words = transmit(cfg, offers, cycles)
    assert (accepted >= 0).all()
    words = words[:, rng.permutation(cfg.serdes.lanes)]
    words = channel(words, rng.integers(0, 8 * 66, cfg.serdes.lanes), rng)
    # A wrong bit in the length of a codeword, in every third: two in a codeword at the most.
    for lane in range(cfg.serdes.lanes):
        for at in range(start, cycles - rows(cfg, size), 3 * rows(cfg, size)):
            words[at + rng.integers(rows(cfg, size)), lane,
                  rng.integers(cfg.serdes.word_bits)] ^= 1
    status = receive_all(cfg, words)
    assert len(status.beats.cycle) == 200 and not status.beats.error.any()
    for i, (_, data, ctrl) in enumerate(offers):
        assert np.array_equal(status.beats.data[i], data)
        assert np.array_equal(status.beats.ctrl[i], ctrl)
    assert not status.bip_errors.any()


def test_a_codeword_beyond_correction_is_given_as_errors(seed):
    cfg, rng = shaped("4 lanes, beat of 4", serdes__fec="rs152"), np.random.default_rng(seed)
    start = rows(cfg, 2500)
    offers = offers_of(cfg, rng, 900, 0, start)
    _, words = transmit(cfg, offers, start + 1200)
    words[start + 600:start + 604, 2] ^= rng.integers(0, 2, (4, 64), np.uint8)
    beats = receive_all(cfg, words).beats
    wrong = beats.error.any(axis=1)
    assert wrong.sum() in range(15, 33) and not beats.error[:, [0, 1, 3]].any()
    assert np.array_equal(beats.data[~wrong][-100:], [data for _, data, _ in offers[-100:]])


@every_code
@pytest.mark.parametrize("count", [0, 1, 3, 40, 150, 1200])
def test_a_port_without_sync_gives_nothing(name, count, seed):
    cfg, rng = shaped("4 lanes, beat of 4", serdes__fec=name), np.random.default_rng(seed)
    _, words = transmit(cfg, offers_of(cfg, rng, 50, 1), count)
    assert words.shape[0] == count
    status = receive_all(cfg, rng.integers(0, 2, words.shape, np.uint8) ^ words)
    assert status.beats.cycle.size == 0 and not status.aligned
