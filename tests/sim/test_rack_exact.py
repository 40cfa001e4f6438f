"""The exact model of a rack: without errors it is the fast one; with them nothing is lost."""

import random
from types import SimpleNamespace

import numpy as np
import pytest
from rack_graphs import graph

from lightloom import config
from lightloom.config import ConfigError
from lightloom.sim.link.end import State
from lightloom.sim.rack import RackModel
from lightloom.sim.rack.beats import BeatModel
from lightloom.sim.rack.exact import (
    AdapterReceiver,
    AdapterTransmitter,
    ExactModel,
    LineFaults,
)
from lightloom.sim.serdes import receive_all, transmit

SETTLE = 200
LEAST = {"chiplet__optical_ports": 1, "chiplet__endpoints": 8, "serdes__marker_period": 32,
         "serdes__deskew_blocks": 8, "link__frame_flits": 8, "link__replay_flits": 128,
         "link__keepalive_cycles": 32, "link__lane_budget": 16, "link__lane_retry_cycles": 1024,
         "xbar__vc_depth": 128, "xbar__max_packet_flits": 16, "rack__fibre_m": 1.0}
NARROW = {"chiplet__flit_bytes": 16, "serdes__lanes": 2}
CLOS = {"rack__topology": "clos2", "rack__endpoints": 4, "rack__radix": 4,
        "rack__switch_endpoints": 2, "rack__uplinks": 2, "rack__spines": 2}
DIRECT = {"rack__topology": "direct", "rack__endpoints": 2, "rack__radix": 2}


def make(**changes):
    return config.override(config.load("sim"), **{**LEAST, **changes})


def packets_of(cfg, rng, count, start):
    """[endpoints][host_ports] lists of packets, each at host port `dst` mod H."""
    hosts, size = cfg.chiplet.host_ports, cfg.chiplet.flit_bytes

    def port(src, host):
        cycle = start
        for _ in range(count):
            cycle += rng.choice((0, 0, 3, 25))
            dst = rng.choice([d for d in range(cfg.rack.endpoints) if d % hosts == host])
            yield SimpleNamespace(cycle=cycle, src=src, dst=dst, vc=rng.randrange(2),
                                  data=rng.randbytes(rng.choice((1, size, size + 1, 9 * size))))

    return [[list(port(src, host)) for host in range(hosts)]
            for src in range(cfg.rack.endpoints)]


def sizes(packets):
    return [[[(p.cycle, p.src, p.dst, p.vc, len(p.data)) for p in port] for port in end]
            for end in packets]


def differences(a, b):
    """How many columns of beats differ, of those accepted and those delivered."""
    return sum(not np.array_equal(x, y) for way in ("accepted", "delivered")
               for end, other in zip(getattr(a, way), getattr(b, way), strict=True)
               for port, peer in zip(end, other, strict=True)
               for x, y in zip(port, peer, strict=True))


def same_flits(a, b):
    """Each flow's flits come out in the same order, whatever the cycles."""
    def flows(run):
        found = {}
        for end, ports in enumerate(run.delivered):
            for port, beats in enumerate(ports):
                for sender in zip(beats.end.tolist(), beats.host.tolist(), beats.packet.tolist(),
                                  beats.index.tolist(), strict=True):
                    found.setdefault((end, port), set()).add(sender)
        return found
    return flows(a) == flows(b)


@pytest.mark.parametrize("shape", [{**NARROW, **CLOS}, DIRECT], ids=["2 lanes, clos2",
                                                                     "4 lanes, direct"])
def test_exact_model_without_errors_is_the_fast_one_beat_by_beat(shape, seed):
    cfg, rng = make(**shape), random.Random(seed)
    packets = packets_of(cfg, rng, 6, cfg.derived.bringup_cycles)
    fast = BeatModel(cfg).run(sizes(packets))
    exact = ExactModel(cfg).run(packets, 2 * fast.cycles, settle=0)
    assert differences(fast, exact) == 0
    flits = sum(-(-len(p.data) // cfg.chiplet.flit_bytes)
                for end in packets for port in end for p in port)
    assert sum(port.cycle.size for end in exact.delivered for port in end) == flits
    assert {status.state for status in exact.status} == {State.ACTIVE}
    # A fibre that is a cycle longer is another rack.
    longer = config.override(cfg, rack__fibre_m=1.5)
    assert longer.derived.fibre_cycles == cfg.derived.fibre_cycles + 1
    assert differences(BeatModel(longer).run(sizes(packets)), exact)


def test_beats_of_the_rack_are_the_packets_of_its_workload(seed):
    cfg, rng = make(**NARROW, **CLOS), random.Random(seed)
    packets = packets_of(cfg, rng, 20, 100)
    flat = sorted((p for end in packets for port in end for p in port), key=lambda p: p.cycle)
    # A delay of c - 1 cycles, of 2 ns each: its message is offered in cycle c.
    tasks = [task for p in flat
             for task in ((p.src, 2 * (p.cycle - 1)), (p.src, p.dst, len(p.data), p.vc))]
    result = RackModel(cfg).run(
        graph(tasks, [(2 * k, 2 * k + 1) for k in range(len(flat))]), 8000)
    beats = BeatModel(cfg).run(sizes(packets))
    seen = {}
    for end, ports in enumerate(packets):
        for host, port in enumerate(ports):
            at = beats.accepted[end][host]
            for k, p in enumerate(port):
                seen[id(p)] = [at.cycle[(at.packet == k) & at.first][0]]
    for ports in beats.delivered:
        for at in ports:
            for mark in (at.first, at.last):
                for cycle, end, host, number in zip(at.cycle[mark], at.end[mark], at.host[mark],
                                                    at.packet[mark], strict=True):
                    seen[id(packets[end][host][number])].append(cycle)
    order = np.argsort(result.task)
    assert result.task[order].tolist() == list(range(1, 2 * len(flat), 2))
    got = np.stack([result.accepted, result.head, result.delivered])[:, order].T.tolist()
    assert got == [seen[id(p)] for p in flat]


def test_bit_errors_cost_replays_and_no_flit(seed):
    cfg, rng = make(**NARROW, **DIRECT), random.Random(seed)
    start = cfg.derived.bringup_cycles
    packets = packets_of(cfg, rng, 8, start)
    fast = BeatModel(cfg).run(sizes(packets))
    flips = tuple((rng.randrange(4), rng.randrange(start, fast.cycles), rng.randrange(2),
                   rng.randrange(64)) for _ in range(40))
    exact = ExactModel(cfg, LineFaults(flips)).run(packets, 20 * fast.cycles, settle=SETTLE)
    assert same_flits(fast, exact)
    assert sum(status.crc_errors + status.gaps for status in exact.status) > 0
    assert sum(status.replays for status in exact.status) > 0
    assert sum(status.lost_flits + status.sessions for status in exact.status) == 0


@pytest.mark.parametrize("lane", [0, 1])
def test_a_dead_lane_is_taken_out_and_the_rest_goes_on(lane, seed):
    cfg, rng = make(**NARROW, **DIRECT), random.Random(seed)
    start = cfg.derived.bringup_cycles
    packets = packets_of(cfg, rng, 8, start)
    fast = BeatModel(cfg).run(sizes(packets))
    end, death = rng.randrange(4), start + rng.randrange(fast.cycles - start)
    exact = ExactModel(cfg, LineFaults(dark=((end, lane, death),))).run(
        packets, 20 * fast.cycles, settle=2 * cfg.derived.bringup_cycles)
    assert same_flits(fast, exact)
    peer = end ^ 1
    assert exact.status[end].off == exact.status[peer].off_heard == 1 << lane
    for other in range(4):
        states = [shown.state for cycle, shown in exact.changes[other] if cycle >= death]
        if other in (end, peer):
            assert State.RETRAIN in states and exact.status[other].state == State.DEGRADED
        else:
            assert states == []
    assert exact.changes[end][-1][1].live == 3 & ~(1 << lane)
    assert sum(status.lost_flits + status.sessions for status in exact.status) == 0


def test_adapters_step_by_step_are_those_over_a_whole_run(seed):
    """Beats and lanes that are off at random, spoilt bits: taken, words and beats are the same."""
    rng, cfg = np.random.default_rng(seed), make(chiplet__flit_bytes=64, serdes__lanes=3, **DIRECT)
    cycles, blocks = 3000, cfg.derived.blocks
    offers = [(int(cycle), rng.integers(0, 2**64, blocks, np.uint64), np.zeros(blocks, bool))
              for cycle in np.sort(rng.integers(0, cycles, 500))]
    off = [(int(cycle), int(rng.integers(8))) for cycle in np.sort(rng.integers(0, cycles, 6))]
    accepted, words = transmit(cfg, offers, cycles, off)
    tx, lanes_off, waiting, sent = AdapterTransmitter(cfg), 0, 0, []
    for cycle in range(cycles):
        lanes_off = next((lanes for at, lanes in reversed(off) if at <= cycle), 0)
        beat = None
        if waiting < len(offers) and offers[waiting][0] <= cycle and tx.ready(lanes_off):
            assert accepted[waiting] == cycle
            payload = int.from_bytes(offers[waiting][1].astype("<u8").tobytes(), "little")
            beat, waiting = SimpleNamespace(payload=payload, ctrl=0), waiting + 1
        sent.append(tx.step(beat, lanes_off))
    assert (accepted >= 0).sum() == waiting
    packed = np.packbits(words, axis=2, bitorder="little").view("<u8")[:, :, 0]
    assert packed.tolist() == sent
    words ^= rng.random(words.shape) < 2e-5
    whole = receive_all(cfg, words)
    rx, seen = AdapterReceiver(cfg), []
    for cycle, lanes in enumerate(
            np.packbits(words, axis=2, bitorder="little").view("<u8")[:, :, 0].tolist()):
        if rx.beat is not None:
            seen.append((cycle, *rx.beat))
        rx.step(lanes, [1] * 3)
    assert len(seen) > 100
    want = [(int(at), int.from_bytes(data.astype("<u8").tobytes(), "little"),
             sum(int(bit) << k for k, bit in enumerate(ctrl)),
             sum(int(bit) << k for k, bit in enumerate(error)))
            for at, data, ctrl, error in zip(*whole.beats, strict=True) if at < cycles]
    assert seen == want


@pytest.mark.parametrize(("changes", "faults", "text"), [
    ({"serdes__slip": "request"}, LineFaults(), "serdes.slip"),
    ({}, LineFaults(flips=((4, 0, 0, 0),)), "end = 4: must be 0 to 3"),
    ({}, LineFaults(flips=((0, 0, 0, 64),)), "bit = 64: must be 0 to 63"),
    ({}, LineFaults(dark=((0, 2, 5),)), "lane = 2: must be 0 to 1")])
def test_what_the_exact_model_cannot_do_is_refused(changes, faults, text):
    with pytest.raises(ConfigError, match=text) as raised:
        ExactModel(make(**NARROW, **DIRECT, **changes), faults)
    assert "\n" not in str(raised.value)
