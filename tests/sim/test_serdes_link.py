"""The adapters as the link model sees them are the adapters bit by bit."""

import numpy as np
import pytest
from serdes_restated import SHAPES, rows, shaped

from lightloom.config import load, override
from lightloom.sim.flits import NONE, pack, vc_of
from lightloom.sim.link import link_step, make_links
from lightloom.sim.link.records import EMPTY
from lightloom.sim.serdes import receive, transmit
from lightloom.sim.wires import make_wires, put_credit, put_flit, take_credit, take_flit

ONE_CLOCK = [name for name in SHAPES if name != "16 lanes, beat of 2"]
BRING_UP = 900


def ends_at_random(cfg, rng, cycles, load, lanes=None, start=0):
    """Two link ends with flits at random. What end 0 gave its adapter: cycles from which each beat
    was offered, and in which it was taken; its tails' numbers, and their `visible`."""
    state, wires = make_links(cfg, [0, 1], [2, 3], [1, 0], lanes=lanes), make_wires(4)
    credits = np.full((2, cfg.chiplet.vcs), cfg.xbar.egress_depth)
    busy = np.repeat(rng.random(cycles // 40 + 1) < 0.6, 40)
    own, offered, taken, tails, visible = state.ends[0], [], [], [], []
    waiting = False
    for cycle in range(cycles):
        before = (own["carried"] + own["held"], own["taken"], own["launched"])
        for end in range(2):
            link_step(state, wires, end, cycle)
            pulses = int(take_credit(wires, end, cycle))
            credits[end] += pulses >> np.arange(cfg.chiplet.vcs) & 1
            vc = int(rng.integers(cfg.chiplet.vcs))
            if cycle >= start and busy[cycle] and rng.random() < load and credits[end, vc]:
                credits[end, vc] -= 1
                put_flit(wires, end, cycle + 1, pack(vc, 0, NONE, 0, 0, 0))
            flit = take_flit(wires, 2 + end, cycle)
            if flit >= 0:
                put_credit(wires, 2 + end, cycle + 1, vc_of(flit))
        if own["carried"] + own["held"] > before[0]:
            taken.append(cycle)
            waiting = False
            if own["taken"] > before[1]:
                tails.append(len(taken) - 1)
        for k in range(before[2], own["launched"]):
            visible.append(int(state.tails["visible"][0, k % state.tails.shape[1]]))
        if own["b"] != EMPTY and not waiting:
            offered.append(cycle + 1)
            waiting = True
    return offered[:len(taken)], taken, tails, visible


@pytest.mark.parametrize("shape", [*ONE_CLOCK, "ecp5", "tera"])
@pytest.mark.parametrize("busy", [0.1, 1.0])
def test_beats_are_taken_and_come_out_as_bit_by_bit(shape, busy, seed):
    cfg, rng = shaped(shape) if shape in SHAPES else load(shape), np.random.default_rng(seed)
    if shape in SHAPES:
        cfg = override(cfg, link__frame_flits=1)
    d, width = cfg.derived, cfg.serdes.word_bits
    cycles = rows(cfg, BRING_UP + 3 * cfg.serdes.marker_period) + 3000
    offered, taken, tails, visible = ends_at_random(cfg, rng, cycles, busy)
    assert len(tails) > 100
    beats = rng.integers(0, 2**64, (len(taken), d.blocks), np.uint64)
    sync = np.zeros(d.blocks, bool)
    accepted, words = transmit(
        cfg, [(at, beat, sync) for at, beat in zip(offered, beats, strict=True)], cycles)
    assert accepted.tolist() == taken
    late = np.zeros((d.fibre_cycles, cfg.serdes.lanes, width), np.uint8)
    out = receive(cfg, np.concatenate([late, words]))
    number = {beat.tobytes(): k for k, beat in enumerate(beats)}
    seen = {number[beat.tobytes()]: cycle for beat, cycle in zip(out.data, out.cycle, strict=True)}
    assert sorted(seen) == list(range(min(seen), max(seen) + 1))
    # The first rows have to be worked off.
    settled = [(k, at) for k, at in zip(tails, visible, strict=False)
               if k in seen and taken[k] > taken[min(seen)] + rows(cfg, 100)]
    assert len(settled) > 30
    # A beat out at t is judged, and its tail known, at t + 3.
    assert [at for _, at in settled] == [seen[k] + 3 for k, _ in settled]


@pytest.mark.parametrize(("field", "changes"), [
    ("chiplet.core_mhz", {"chiplet__core_mhz": 600.0}),
    ("serdes.fec", {"serdes__fec": "rs152", "link__replay_flits": 1024, "xbar__vc_depth": 1024})])
def test_what_the_link_model_cannot_do_is_refused(field, changes):
    with pytest.raises(ValueError, match=f"^{field} = ") as raised:
        make_links(override(load("sim"), **changes), [0, 1], [2, 3], [1, 0])
    assert "\n" not in str(raised.value)
