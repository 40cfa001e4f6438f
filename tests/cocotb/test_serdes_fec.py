"""The exported adapter with FEC against the model, and against line errors that it must mend."""

import numpy as np
from serdes_cases import (
    SLOW,
    assert_wires_tell_the_errors,
    make,
    random_delays,
    random_offers,
    through_channel,
)

from lightloom.flow.cache import to_verilog
from lightloom.hdl.serdes.layer import AdapterRx, AdapterTx
from lightloom.sim.serdes import receive_all, transmit
from lightloom.tb.serdes_harness import run_receiver, run_transmitter

LOCK_BLOCKS = 600 + 600
"""Block lock from any phase, and rs152's codewords from any of theirs (docs/fec.md)."""


def two_lanes():
    """Two lanes, beats of two rows, words of 66 bits: a block in every cycle."""
    return make("4x4-66", serdes__lanes=2, serdes__fec="rs152", serdes__diagnostics=False, **SLOW)


def test_transmitter_with_fec_equals_the_model_in_every_bit_of_every_cycle(seed, tmp_path):
    cfg, rng = two_lanes(), np.random.default_rng(seed)
    offers = random_offers(cfg, rng, 600)
    run = run_transmitter(cfg, to_verilog(AdapterTx(cfg), name="adapter_tx"), offers, 600,
                          folder=tmp_path)
    accepted, words = transmit(cfg, offers, 600)
    assert (accepted >= 0).sum() > 50
    assert np.array_equal(run.accepted, accepted) and np.array_equal(run.words, words)


def test_receiver_with_fec_mends_line_errors_and_gives_what_the_model_gives(seed, tmp_path):
    cfg, rng = two_lanes(), np.random.default_rng(seed)
    start = LOCK_BLOCKS + 3 * (cfg.serdes.marker_period + 1)
    cycles = start + 1200
    offers = random_offers(cfg, rng, cycles - 300, start=start, plain=True)
    accepted, words = transmit(cfg, offers, cycles)
    words = through_channel(words, random_delays(cfg, rng), rng)[:, ::-1]
    # A burst in every fourth codeword. Ten bits hit three symbols at most, one of them a header's.
    for at in range(start, cycles - 80, 4 * 17):
        lane, bit = rng.integers(2), rng.integers(56)
        words[at, lane, bit:bit + 10] ^= rng.integers(0, 2, 10, np.uint8)
    run = run_receiver(cfg, to_verilog(AdapterRx(cfg), name="adapter_rx"), words, folder=tmp_path)
    assert_wires_tell_the_errors(run)
    golden = receive_all(cfg, words)
    count = len(run.beats.data)
    assert count >= (accepted < cycles - 200).sum() - 1 > 50
    for field in ("data", "ctrl", "error"):
        assert np.array_equal(getattr(run.beats, field), getattr(golden.beats, field)[:count])
    assert not run.beats.error.any() and run.status["realigns"] == 0
    assert sum(lane["fec_corrected"] for lane in run.status["lanes"]) > 10
    assert not any(lane["fec_uncorrected"] for lane in run.status["lanes"])
