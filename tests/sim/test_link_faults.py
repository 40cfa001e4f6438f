"""Links with fewer live lanes, and of different lengths."""

import numpy as np
import pytest
from serdes_restated import SHAPES, rows, shaped
from test_link_model import cycles_of, one_packet, packets
from test_serdes_link import BRING_UP, ends_at_random

from lightloom.config import ConfigError, load, override
from lightloom.sim.link import make_links, run_link
from lightloom.sim.serdes import receive, transmit

LANES = [("4 lanes, beat of 4", 3, 1.0), ("4 lanes, beat of 2", 3, 1.0),
         ("16 lanes, beat of 8", 15, 1.0), ("16 lanes, beat of 8", 11, 0.1)]
MORE_LANES = [("4 lanes, beat of 4", 3, 0.1), ("4 lanes, beat of 4", 1, 1.0),
              ("4 lanes, beat of 2", 3, 0.1), ("4 lanes, beat of 8", 3, 1.0),
              ("5 lanes, beat of 8", 2, 1.0), ("5 lanes, beat of 8", 2, 0.1),
              ("16 lanes, beat of 8", 15, 0.1), ("16 lanes, beat of 8", 11, 1.0),
              ("16 lanes, beat of 8", 5, 1.0), ("16 lanes, beat of 4", 9, 1.0),
              ("16 lanes, beat of 4", 9, 0.1)]


@pytest.mark.parametrize(("shape", "live", "busy"), [
    *LANES, *(pytest.param(*case, marks=pytest.mark.long) for case in MORE_LANES)])
def test_rows_of_fewer_lanes_come_out_as_bit_by_bit(shape, live, busy, seed):
    cfg, rng = override(shaped(shape), link__frame_flits=1), np.random.default_rng(seed)
    d, lanes = cfg.derived, cfg.serdes.lanes
    dead = rng.permutation(lanes)[live:]
    off = int(sum(1 << int(lane) for lane in dead))
    cycles = rows(cfg, BRING_UP + 3 * cfg.serdes.marker_period) + 3000
    # The live set changes with the second marker row; rows wait for it.
    start = rows(cfg, 2 * cfg.serdes.marker_period)
    offered, taken, tails, visible = ends_at_random(
        cfg, rng, cycles, busy, lanes=[live, lanes], start=start)
    assert len(tails) > 100
    beats = rng.integers(0, 2**64, (len(taken), d.blocks), np.uint64)
    sync = np.zeros(d.blocks, bool)
    accepted, words = transmit(
        cfg, [(at, beat, sync) for at, beat in zip(offered, beats, strict=True)], cycles,
        [(0, off)])
    later = np.array(taken) >= start
    assert later.sum() > 1000 * busy and accepted[later].tolist() == np.array(taken)[later].tolist()
    late = np.zeros((d.fibre_cycles, lanes, cfg.serdes.word_bits), np.uint8)
    out = receive(cfg, np.concatenate([late, words]))
    number = {beat.tobytes(): k for k, beat in enumerate(beats)}
    seen = {number[beat.tobytes()]: cycle for beat, cycle in zip(out.data, out.cycle, strict=True)}
    settled = [(k, at) for k, at in zip(tails, visible, strict=False)
               if k in seen and taken[k] > taken[min(seen)] + rows(cfg, 100)]
    assert len(settled) > 30
    assert [at for _, at in settled] == [seen[k] + 3 for k, _ in settled]


@pytest.mark.parametrize(("profile", "live"), [("sim", 3), ("sim", 1), ("tera", 7), ("tera", 5)])
def test_a_direction_carries_the_share_of_its_live_lanes(profile, live):
    cfg = load(profile)
    serdes, frame = cfg.serdes, cfg.link.frame_flits
    rate = (serdes.word_bits / 66 * live / cfg.derived.blocks
            * serdes.marker_period / (serdes.marker_period + 1) * frame / (frame + 1))
    streams = [one_packet(cfg, 9000, 200)] * 2
    run = run_link(cfg, *streams, 12_000, lanes=[live, serdes.lanes])
    seen = cycles_of(run.delivered[1])[500:-500]
    assert (len(seen) - 1) / (seen[-1] - seen[0]) == pytest.approx(min(1, rate), rel=0.005)
    # The other direction keeps its own rate: what it waits for comes in time.
    other = cycles_of(run.delivered[0])[500:-500]
    whole = run_link(cfg, *streams, 12_000)
    assert len(other) == len(cycles_of(whole.delivered[0])[500:-500])


def test_a_longer_fibre_delays_its_direction_by_its_flight(seed):
    cfg, rng = load("sim"), np.random.default_rng(seed)
    streams = [packets(rng, cfg, 40, start=300, load=0.05) for _ in range(2)]
    near = run_link(cfg, *streams, 60_000, fibre_m=[2.0, 2.0]).delivered
    far = run_link(cfg, *streams, 60_000, fibre_m=[200.0, 2.0]).delivered
    flight = [int(np.ceil(m * 4.9 * 500 / 1000)) for m in (2.0, 200.0)]
    assert len(near[1]) == len(far[1]) == len(streams[0])
    late = cycles_of(far[1]) - cycles_of(near[1])
    # Now and then a bare tail for what came the other way is in the way.
    assert np.median(late) == flight[1] - flight[0]
    assert np.median(cycles_of(far[0]) - cycles_of(near[0])) == 0


@pytest.mark.parametrize(("field", "value", "message"), [
    ("fibre_m", [0.0, 1.0], "length of a fibre: must be above 0 m, there is one of 0 m"),
    ("fibre_m", [float("nan"), 1.0], "length of a fibre: must be above 0 m"),
    ("lanes", [0, 4], "live lanes of a link: must be 1 to 4, they are 0 to 4"),
    ("lanes", [4, 5], "live lanes of a link: must be 1 to 4, they are 4 to 5")])
def test_a_link_that_cannot_be_is_refused_in_one_line(field, value, message):
    with pytest.raises(ConfigError) as raised:
        make_links(load("sim"), [0, 1], [2, 3], [1, 0], **{field: value})
    assert str(raised.value).startswith(message) and "\n" not in str(raised.value)
