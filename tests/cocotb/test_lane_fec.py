"""A lane with FEC: parity rows in their slots, blocks that come back, what was corrected."""

import random

import pytest
from lane_cases import MARKER, bits_of, coded_blocks, lane_state, make, random_row, words_of

from lightloom.tb.lane_harness import run_rx, run_tx

# --- FEC ---

FEC = {"rs152": (16, 1), "rs544": (79, 5)}


@pytest.mark.parametrize("fec", FEC)
@pytest.mark.parametrize("width", [20, 66])
def test_parity_rows_are_in_their_slots_and_change_no_block(fec, width, seed):
    cfg, rng = make(width, fec=fec), random.Random(seed)
    data, parity = FEC[fec]
    rows = [random_row(rng) for _ in range(3 * (data + parity) + 5)]
    cycles = len(rows) * 66 // width - 66 // width
    words, pulled = run_tx(cfg, 7, lambda j: rows[j], cycles)
    slots, blocks, number = [], [], 0
    for j in range(len(rows)):
        is_parity = j % (data + parity) >= data
        kind = "parity" if is_parity else "block" if number % 23 else "marker"
        slots.append((66 * j // width, kind))
        if not is_parity:
            blocks.append((rows[j].data, rows[j].ctrl) if number % 23 else
                          ("marker", 7, rows[j].live, rows[j].phase))
            number += 1
    assert pulled == slots[:len(pulled)]
    line = [bit for word in words[2:] for bit in bits_of(word, width)]
    want = coded_blocks(blocks, lane_state(7))
    seen = [line[66 * j:66 * j + 66] for j in range(len(line) // 66)]
    for j, coded in enumerate(seen):
        if slots[j][1] == "parity":
            assert coded[:2] == [0, 1]
        else:
            assert coded == next(want), f"row {j}"


@pytest.mark.parametrize("fec", FEC)
@pytest.mark.parametrize("width", [66, 40])
def test_fec_lane_gives_the_blocks_sent_and_says_what_it_corrected(fec, width, seed):
    data, parity = FEC[fec]
    size = data + parity
    cfg, rng = make(width, fec=fec), random.Random(seed)
    # Block lock takes 64 blocks, and the phase found then for codewords is a bit early.
    slips = rng.randrange(3)
    early = (64 + slips) % size    # blocks before the first whole codeword
    codewords = 64 // size + 3 * slips + 10
    rows = [random_row(rng) for _ in range(size * codewords + 200)]
    rows = [row if row.data & 0xFF != MARKER else row._replace(ctrl=0) for row in rows]
    cycles = (len(rows) - 2) * 66 // width
    words, pulled = run_tx(cfg, 2, lambda j: rows[j], cycles)
    line = [bit for word in words[2:] for bit in bits_of(word, width)]
    line = line[66 * (size - early):]
    damaged, spoiled = codewords - 4, codewords - 3    # codewords, from the first whole one
    at = lambda codeword, block: 66 * (early + codeword * size + block)
    line[at(damaged, 3) + 20] ^= 1
    line[at(damaged, 7) + 30] ^= 1
    for block in range(data):
        for bit in (5, 25, 45):
            line[at(spoiled, block) + bit] ^= 1
    received = words_of(line, width)
    entries, _ = run_rx(cfg, lambda y, _: received[y], len(received))
    given = [e for e in entries if e.kind != "UNLOCKED"]
    assert [e.kind for e in entries[:64]] == ["UNLOCKED"] * 64
    assert [e.corrected for e in given if e.corrected] == [2]
    assert sum(e.uncorrected for e in given) == 1
    assert [e.kind for e in given].count("UNCORRECTED") == data
    assert not {"BAD_HEADER"} & {e.kind for e in given}
    # Block rows of the line in order; they are given in this order, from some codeword on.
    blocks = [(j, kind) for j, (_, kind) in enumerate(pulled) if kind != "parity"]
    bad = [k for k, e in enumerate(given) if e.kind == "UNCORRECTED"]
    first = (spoiled + 1) * data - bad[0]    # in block rows of the line before the cut, see `at`
    clear = [k for k in range(len(given)) if k > 0 and k not in bad and k != bad[-1] + 1]
    assert len(clear) > 3 * data
    # Both counts come with the last block of their codeword.
    assert given[bad[0] - 1].corrected == 2 and given[bad[-1]].uncorrected
    errors = []
    for k in clear:
        j, kind = blocks[first + k]
        if kind == "marker":
            assert given[k].kind == "MARKER"
            errors.append(given[k].bip_error)
        else:
            assert given[k].data == rows[j].data
            assert (given[k].kind == "DATA") == (not rows[j].ctrl)
    assert sum(errors) <= 1    # of the marker behind the codeword that was beyond correction
