"""The exported FEC of a lane against galois and a restatement of docs/fec.md, cycle by cycle."""

import random
from dataclasses import replace

import pytest
from fec_cases import (
    LATENCY,
    ODD,
    ROOT,
    Line,
    assert_decodes,
    assert_encodes,
    blocks_out,
    decode,
    decoder_verilog,
    galois_judge,
    mixed_words,
    reference,
    with_errors,
)

from lightloom.config import FEC_BLOCKS, FEC_LATENCY
from lightloom.hdl.serdes.fec import decoder, encoder, sync, syndromes
from lightloom.hdl.serdes.fec.code import RS152, RS544
from lightloom.hdl.serdes.fec.field import Field


@pytest.fixture
def mutate(monkeypatch):
    """`monkeypatch`, with decoders made anew during and after the test."""
    decoder_verilog.cache_clear()
    yield monkeypatch
    decoder_verilog.cache_clear()


@pytest.mark.parametrize(("code", "count", "busy"), [
    (RS152, 60, 0.6), (RS544, 3, 0.9), (ODD, 40, 0.7), (ROOT, 20, 1.0)],
    ids=lambda v: getattr(v, "name", v))
def test_encoder_sends_the_message_and_then_its_parity(code, count, busy, seed, tmp_path):
    assert_encodes(code, count, random.Random(seed), tmp_path, busy)


@pytest.mark.slow
@pytest.mark.parametrize(("code", "count", "heaviest"), [
    (RS152, 80, 8), (RS544, 10, 20), (ODD, 32, 7)], ids=lambda v: getattr(v, "name", v))
def test_decoder_makes_of_errors_what_galois_does(code, count, heaviest, seed, tmp_path):
    rng = random.Random(seed)
    assert_decodes(code, mixed_words(code.name, count, rng, heaviest), Line(rng), tmp_path,
                   judge=galois_judge(code.name))


@pytest.mark.long
@pytest.mark.parametrize(("code", "count", "heaviest"), [
    (RS152, 8000, 12), (RS544, 400, 30), (ODD, 3000, 9), (ROOT, 1600, 14)],
    ids=lambda v: getattr(v, "name", v))
def test_decoder_makes_of_many_errors_what_galois_does(code, count, heaviest, seed, tmp_path):
    rng = random.Random(seed)
    assert_decodes(code, mixed_words(code.name, count, rng, heaviest), Line(rng, busy=0.9),
                   tmp_path, judge=galois_judge(code.name))


@pytest.mark.parametrize(("code", "spacing", "busy"), [
    (RS152, 1, 0.5), (RS152, 2, 0.97), (ROOT, 1, 0.8), (ODD, 3, 1.0)],
    ids=lambda v: getattr(v, "name", v))
def test_blocks_leave_at_their_time_whenever_they_come(code, spacing, busy, seed, tmp_path):
    rng = random.Random(seed)
    words = mixed_words(code.name, 40, rng, 2 * code.correct + 1)
    assert_decodes(code, words, Line(rng, spacing, busy), tmp_path, spacing)


@pytest.mark.parametrize("code", [RS152, ODD], ids=lambda code: code.name)
def test_every_single_wrong_symbol_is_found(code, seed, tmp_path):
    rng, r = random.Random(seed), reference(code.name)
    words = []
    for place in [None, None, *range(r.n)]:
        sent = r.random(rng)
        among = None if place is None else [place]
        words.append((sent, with_errors(code.name, sent, int(bool(among)), rng, among)))
    assert_decodes(code, words, Line(rng), tmp_path)


def test_codeword_of_zeros_and_errors_at_both_ends(seed, tmp_path):
    rng, r = random.Random(seed), reference("rs152")
    ends = [0, 1, r.n - 2, r.n - 1]
    words = [([0] * r.n, with_errors("rs152", [0] * r.n, w, rng, ends))
             for w in (0, 0, 1, 2, 3, 3, 4, 4, 3)]
    assert_decodes(RS152, words, Line(rng), tmp_path)


def lock_cycle(given):
    return next((cycle for cycle, g in enumerate(given) if g.locked), None)


def most_blocks(r):
    """To lock, from any phase, on good codewords (docs/fec.md)."""
    return (2 * r.slots + 1) * r.slots + r.slots


def assert_locks(code, before, rng, folder):
    """After `before` blocks of a codeword that began unseen: the rest, in order, from some on."""
    r = reference(code.name)
    line = Line(rng)
    words = [r.random(rng) for _ in range(2 * r.slots + 5)]
    tail = r.blocks(words[0])[r.slots - before:] if before else []
    for block in tail:
        line.block(*block)
    for word in words[1:]:
        line.codeword(code.name, word)
    line.idle(LATENCY[code.name] + r.data)
    given = decode(code, line, folder)
    locked = lock_cycle(given)
    assert locked is not None and locked <= most_blocks(r) + LATENCY[code.name], locked
    assert all(g.locked for g in given[locked:])
    out = blocks_out(given)
    want = [(c, p, 0, 0, 0) for word in words[1:] for c, p in r.blocks(word)[:r.data]]
    assert out == want[-len(out):] and len(out) % r.data == 0 and out
    return locked


@pytest.mark.parametrize("before", [0, 1, 16])
def test_codeword_sync_is_found_from_any_block(before, seed, tmp_path):
    locked = assert_locks(RS152, before, random.Random(seed), tmp_path)
    # `before` slips, of 2 × slots + 1 blocks each, bring the phase there; see docs/fec.md.
    assert locked == (2 * 17 + 1) * before + 2 * 17 - 1 + LATENCY["rs152"] - 1


def test_noise_neither_locks_nor_is_given(seed, tmp_path):
    line = Line(random.Random(seed))
    line.noise(2000)
    given = decode(RS152, line, tmp_path)
    assert not any(g.locked or g.valid for g in given)


@pytest.mark.parametrize(("bad", "keeps"), [(7, True), (8, False)])
def test_eight_uncorrectable_codewords_running_end_the_lock_and_seven_do_not(
        bad, keeps, seed, tmp_path):
    assert_loses_lock_after(bad, keeps, seed, tmp_path)


def assert_loses_lock_after(bad, keeps, seed, tmp_path):
    rng, r = random.Random(seed), reference("rs152")
    line, ends = Line(rng), []
    for k in range(20):
        sent = r.random(rng)
        spoiled = 4 <= k < 4 + bad
        ends.append(line.codeword("rs152", with_errors("rs152", sent, 5, rng) if spoiled else sent))
    line.idle(40)
    given = decode(RS152, line, tmp_path)
    held = [given[end + LATENCY["rs152"]].locked for end in ends]
    lost = [] if keeps else [11, 12]     # the eighth itself, and the first good one after it
    assert held == [k >= 1 and k not in lost for k in range(20)]
    valid = [given[end + LATENCY["rs152"]].valid for end in ends]
    assert valid == held
    assert sum(g.uncorrected for g in given) == min(bad, 7)


def test_a_lost_block_costs_the_lock_which_comes_again(seed, tmp_path):
    rng, r = random.Random(seed), reference("rs152")
    words = [r.random(rng) for _ in range(60)]
    line = Line(rng)
    for k, word in enumerate(words):
        blocks = r.blocks(word)
        for block in blocks[1:] if k == 10 else blocks:
            line.block(*block)
    line.idle(40)
    given = decode(RS152, line, tmp_path)
    changes = [b.locked - a.locked for a, b in zip(given[:-1], given[1:], strict=True)]
    assert [c for c in changes if c] == [1, -1, 1] and given[-1].locked
    good = [(g.ctrl, g.payload) for g in given if g.valid and not g.bad]
    want = [b for k, word in enumerate(words) for b in r.blocks(word)[:r.data]
            if k != 10]
    # The next block that begins a codeword is 16 slips away.
    assert good[:9 * r.data] == want[r.data:10 * r.data]
    tail = good[9 * r.data:]
    assert len(tail) >= 5 * r.data and tail == want[-len(tail):]


def test_loss_of_block_lock_drops_all_state(seed, tmp_path):
    rng, r = random.Random(seed), reference("rs152")
    line, restarts = Line(rng), []
    for _ in range(4):
        words = [r.random(rng) for _ in range(5)]
        restarts.append(words)
        for word in words[:-1]:
            line.codeword("rs152", word)
        for block in r.blocks(words[-1])[:rng.randrange(1, 17)]:
            line.block(*block)
        line.idle(rng.randrange(1, 9), lock=0)
        # What comes without block lock is nothing.
        line.cycles[-1] = (0, 1, 1, rng.getrandbits(64))
    given = decode(RS152, line, tmp_path)
    dropped = [k for k, (lock, *_) in enumerate(line.cycles) if not lock]
    assert not any(given[k + 1].locked or given[k + 1].valid for k in dropped if k + 1 < len(given))
    out = blocks_out(given)
    starts = [(k + 1 if k >= 0 else 0) for k in
              [-1] + [k for k in dropped if k + 1 not in dropped][:-1]]
    place = 0
    for start, words in zip(starts, restarts, strict=True):
        end = next((k for k in dropped if k > start), len(given))
        count = sum(g.valid for g in given[start:end + 1])
        want = [(c, p, 0, 0, 0) for w in words[1:4] for c, p in r.blocks(w)[:r.data]]
        assert out[place:place + count] == want[:count] and count >= r.data
        place += count


def test_generator_of_rs544_is_that_of_table_91_3():
    assert Field(RS544).generator(30, 0) == [
        523, 834, 128, 158, 185, 127, 392, 193, 610, 788, 361, 883, 503, 942, 385, 495,
        720, 94, 132, 593, 249, 282, 565, 108, 1, 552, 230, 187, 552, 575, 1]


@pytest.mark.parametrize(("changes", "text"), [
    ({"polynomial": 0x11B}, "not primitive"), ({"polynomial": 0x409}, "not primitive"),
    ({"correct": 5}, "correct is 5"), ({"correct": 0}, "correct is 0"),
    ({"data_blocks": 28}, "260 symbols"), ({"parity_blocks": 3}, "do not divide"),
    ({"parity": 10}, "do not fit"), ({"scan": 3}, "scan is 3"), ({"scan": 9}, "scan is 9")])
def test_impossible_codes_are_refused(changes, text):
    with pytest.raises(ValueError, match=text):
        replace(RS152, **changes)


def test_facts_of_the_codes():
    for code in (RS152, RS544, ODD, ROOT):
        r = reference(code.name)
        assert (code.n, code.k, code.slots) == (r.n, r.k, r.slots)
        assert code.latency == LATENCY[code.name]


def test_another_first_root_is_caught_in_the_encoder(seed, tmp_path, monkeypatch):
    right = encoder.feedback
    monkeypatch.setattr(encoder, "feedback", lambda code: right(replace(code, first_root=1)))
    with pytest.raises(AssertionError, match="block 16 of codeword 0"):
        assert_encodes(RS152, 2, random.Random(seed), tmp_path, 1.0)


def assert_mutant_is_caught(seed, tmp_path):
    rng = random.Random(seed)
    with pytest.raises(AssertionError, match="cycle"):
        assert_decodes(RS152, mixed_words("rs152", 60, rng, 8), Line(rng), tmp_path)


class WrongPower(Field):
    """alpha^3 is not what it should be."""

    def power(self, exponent):
        return super().power(exponent) ^ (exponent == 3)


@pytest.mark.parametrize("module", [syndromes, decoder.forney])
def test_a_wrong_constant_is_caught_in_the_decoder(module, seed, tmp_path, mutate):
    mutate.setattr(module, "Field", WrongPower)
    assert_mutant_is_caught(seed, tmp_path)


def test_a_decoder_that_corrects_four_is_caught(seed, tmp_path, monkeypatch):
    rng = random.Random(seed)
    words = mixed_words("rs152", 60, rng, 8)
    four = replace(RS152, correct=4)
    monkeypatch.setitem(LATENCY, "rs152", four.latency)
    with pytest.raises(AssertionError, match="cycle"):
        assert_decodes(four, words, Line(rng), tmp_path)


def test_giving_up_one_codeword_early_is_caught(seed, tmp_path, mutate):
    mutate.setattr(sync, "MOST_BAD", 7)
    with pytest.raises(AssertionError):
        assert_loses_lock_after(7, True, seed, tmp_path)


@pytest.mark.parametrize("code", [RS152, RS544], ids=lambda code: code.name)
def test_the_configuration_has_the_codes_blocks_and_latency(code):
    assert FEC_BLOCKS[code.name] == (code.data_blocks, code.parity_blocks)
    assert FEC_LATENCY[code.name] == code.latency
