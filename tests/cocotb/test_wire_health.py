"""What a wire's health tells the link: an error for each cause, one cycle behind its entry."""

import random
import warnings

import pytest
from amaranth.sim import Simulator
from serdes_cases import SLOW, make

from lightloom.hdl.serdes.health import LaneHealth
from lightloom.hdl.serdes.types import Kind
from lightloom.sim.serdes import marker

SILENCE = 256


def config():
    return make("4x4-66", serdes__fec="rs152", **SLOW)


def entry(kind, **fields):
    return {"kind": Kind[kind], **fields}


GOOD = {
    "data": entry("DATA", data=5),
    "idle": entry("IDLE", data=0x1E),
    "marker": entry("MARKER", data=marker(3, live=8)),
    "corrected": entry("DATA", corrected=7),
    "block of a lost codeword": entry("UNCORRECTED"),
}
BAD = {
    "header": entry("BAD_HEADER"),
    "type": entry("BAD_TYPE", data=0x79),
    "parity": entry("MARKER", data=marker(3, live=8), bip_error=1),
    "codeword": entry("UNCORRECTED", uncorrected=1),
    "mended codeword's bad type": entry("BAD_TYPE", data=0x79, corrected=7),
}
LOST = {"lock": entry("UNLOCKED", data=1), "light": entry("UNLOCKED"),
        "lane to its checker": entry("PATTERN", data=99)}


def errors_of(entries, clears=()):
    """Cycles with an `error`, of a wire with these entries, None where none comes."""
    dut, errors = LaneHealth(config()), []

    async def bench(ctx):
        for cycle, each in enumerate([*entries, None]):
            ctx.set(dut.valid, each is not None)
            ctx.set(dut.entry, each or {})
            ctx.set(dut.clear, cycle in clears)
            if ctx.get(dut.health.error):
                errors.append(cycle)
            await ctx.tick()

    simulator = Simulator(dut)
    simulator.add_clock(1e-9)
    simulator.add_testbench(bench)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        simulator.run()
    return errors


def expected_of(entries):
    errors, locked, quiet = [], False, SILENCE
    for cycle, each in enumerate(entries):
        lost = locked and quiet >= SILENCE
        if quiet >= SILENCE:
            locked = False
        if each is None:
            quiet += 1
        else:
            # What ends a silence is seen while it still lasts.
            lost = lost or (locked and each in LOST.values())
            locked = quiet < SILENCE and each not in LOST.values()
            quiet = 0
        if lost or each in BAD.values():
            errors.append(cycle + 1)
    return errors


@pytest.mark.parametrize("cause", BAD)
def test_each_bad_entry_is_an_error_in_the_next_cycle_and_no_other_is(cause):
    entries = [*GOOD.values(), BAD[cause], *GOOD.values(), BAD[cause], BAD[cause]]
    assert errors_of(entries) == [6, 12, 13]


@pytest.mark.parametrize("cause", LOST)
def test_a_loss_of_lock_is_one_error_however_long_it_lasts(cause):
    good, lost = GOOD["data"], LOST[cause]
    assert errors_of([lost, good, good, None, lost, lost, None, lost, good, lost]) == [5, 10]


def test_silence_is_one_error_and_only_of_a_wire_that_was_locked():
    good = GOOD["data"]
    assert errors_of([good, good] + [None] * 3 * SILENCE + [LOST["lock"]] + [None] * 300) == [
        2 + SILENCE + 1]


def test_errors_do_not_wait_for_counters_that_are_cleared():
    assert errors_of([BAD["header"]] * 40, clears=range(0, 40, 3)) == list(range(1, 41))


def test_errors_of_random_entries_are_those_of_the_page(seed):
    rng = random.Random(seed)
    entries = []
    while len(entries) < 6000:
        quiet = rng.random() < 0.01
        entries += ([None] * rng.choice([1, 3, 254, 255, 256, 257, 600]) if quiet else
                    [rng.choice([*GOOD.values(), *rng.choice([GOOD, GOOD, BAD, LOST]).values()])])
    errors = errors_of(entries)
    assert errors == expected_of(entries) and len(errors) > 100


def test_a_codeword_that_is_told_as_no_error_is_caught(monkeypatch):
    class Forgets(LaneHealth):
        def elaborate(self, platform):
            m = super().elaborate(platform)
            with m.If(self.valid & self.entry.uncorrected):
                m.d.sync += self.health.error.eq(0)
            return m

    monkeypatch.setitem(globals(), "LaneHealth", Forgets)
    with pytest.raises(AssertionError):
        test_each_bad_entry_is_an_error_in_the_next_cycle_and_no_other_is("codeword")
