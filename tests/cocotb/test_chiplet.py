"""Chiplet to chiplet: equal to the model in every cycle, and lossless over lanes with errors."""

import json
import re

import numpy as np
import pytest
from mutants import StuckRoundRobin
from serdes_cases import ideal_bring_up

from lightloom import config
from lightloom.flow import cache, minirack, replay
from lightloom.flow.manifest import describe
from lightloom.hdl import egress
from lightloom.hdl.chiplet import Chiplet
from lightloom.sim.xbar import ONE
from lightloom.tb.pair_harness import HostPacket, run_pair
from lightloom.tb.routes import table_writes, written
from lightloom.tb.runner import simulate


def random_packets(cfg, rng, *, flits, start=None):
    """[2][hosts] packets of about `flits` flits in all, of random size, VC and endpoints.

    An even endpoint is at `a`, an odd one at `b`; which host port takes the packet follows from
    its source. All are offered at `start`, by default as soon as the links are up.
    """
    size, hosts = cfg.chiplet.flit_bytes, cfg.chiplet.host_ports
    longest = cfg.xbar.max_packet_flits
    packets = [[[] for _ in range(hosts)] for _ in range(2)]
    for end in range(2):
        for host in range(hosts):
            left = flits // (2 * hosts)
            while left > 0:
                length = int(rng.integers(1, min(longest, left, 16) + 1))
                used = size * length - int(rng.integers(size)) * int(rng.integers(2))
                source, away = (2 * int(rng.integers(cfg.chiplet.endpoints // 2)) for _ in range(2))
                packets[end][host].append(HostPacket(
                    cycle=start or begin(cfg), src=source + end, dst=away + 1 - end,
                    vc=int(rng.integers(cfg.chiplet.vcs)), data=rng.bytes(used)))
                left -= length
    return packets


def routes(cfg):
    """Host ports by flow; the other end by any optical port, chosen by the destination."""
    hosts, opticals = cfg.chiplet.host_ports, cfg.chiplet.optical_ports
    here = (ONE, (1 << hosts) - 1)
    return [[here if dst % 2 == end else (ONE, 1 << hosts + dst // 2 % opticals)
             for dst in range(cfg.chiplet.endpoints)] for end in range(2)]


def small(**changes):
    """Ports as in `sim`, with flits, lanes and buffers that cost little to convert and to run."""
    return config.override(config.load("sim"), **{
        **minirack.SMALL, "chiplet__endpoints": 16, "rack__endpoints": 16,
        "rack__topology": "direct", "rack__radix": 16, **changes})


def one_port():
    return small(chiplet__host_ports=1, chiplet__optical_ports=1)


def begin(cfg):
    """A cycle in which links on an ideal channel are up and the tables are written."""
    # Block lock may come behind the markers of a short period.
    return max(ideal_bring_up(cfg), cfg.derived.bringup_cycles,
               *(written(cfg, table_writes(cfg, entries)) for entries in routes(cfg)))


def flits_in(cfg, packets):
    return sum(-(-len(p.data) // cfg.chiplet.flit_bytes)
               for end in packets for port in end for p in port)


def both(cfg, packets, folder, seed, **options):
    return replay.replay(cfg, packets, routes(cfg), start=begin(cfg),
                         folder=folder, seed=seed, **options)


def test_all_ports_of_two_chiplets_at_full_load_equal_the_model_in_every_cycle(tmp_path, seed):
    cfg = small(chiplet__optical_ports=2)
    packets = random_packets(cfg, np.random.default_rng(seed), flits=800)
    done = both(cfg, packets, tmp_path, seed)
    assert done.mismatches == []
    assert done.flits == flits_in(cfg, packets)


@pytest.mark.long
def test_all_ports_of_two_chiplets_of_the_profile_sim_equal_the_model_in_every_cycle(
        tmp_path, seed):
    cfg = config.load("sim")
    packets = random_packets(cfg, np.random.default_rng(seed), flits=3000)
    done = both(cfg, packets, tmp_path, seed)
    assert done.mismatches == []
    assert done.flits == flits_in(cfg, packets)


@pytest.mark.long
def test_100_000_flits_without_errors_equal_the_model_in_every_delivery_cycle(tmp_path, seed):
    cfg = config.load("ecp5")
    packets = random_packets(cfg, np.random.default_rng(seed), flits=100_000)
    done = both(cfg, packets, tmp_path, seed, simulator="verilator")
    print(f"{done.flits} flits in {done.cycles} cycles, {done.cycles / done.seconds:.0f} "
          "cycles/s")
    assert done.mismatches == []
    assert done.flits == flits_in(cfg, packets) >= 100_000


@pytest.mark.parametrize(("make", "most", "errors", "simulator"), [
    (one_port, 3000, 15, "icarus"),
    pytest.param(lambda: config.load("ecp5"), 100_000, 100, "verilator", marks=pytest.mark.long)],
    ids=["3000", "100000"])
def test_flits_over_lanes_with_bit_errors_arrive_once_in_order_unchanged(
        make, most, errors, simulator, tmp_path, seed):
    # So many errors take lanes out, and then the time is not enough.
    cfg = config.override(make(), link__lane_budget=65535)
    # Errors may send the search for a lane's phase round once more.
    start = 2 * cfg.derived.bringup_cycles
    packets = random_packets(cfg, np.random.default_rng(seed), flits=most, start=start)
    flits = flits_in(cfg, packets)
    run = run_pair(cfg, cache.to_verilog(Chiplet(cfg), name="chiplet"), packets, routes(cfg),
                   cycles=start + 3 * flits // 2, start=start, folder=tmp_path, ber=1e-4,
                   seed=seed % 1000, simulator=simulator)
    assert sum(len(port) for end in run.received for port in end) == flits >= most
    for end in "ab":
        link = run.status[f"{end}_status0"]["link"]
        print(f"end {end}: {run.status[f'{end}_errors0']} bit errors, {link['replays']} replays, "
              f"{link['rx']['crc_errors']} CRC errors")
        assert link["replays"] > errors and link["rx"]["crc_errors"] > errors


def test_pauses_of_the_hosts_lose_nothing(tmp_path, seed):
    cfg = one_port()
    packets = random_packets(cfg, np.random.default_rng(seed), flits=1500)
    start = begin(cfg)
    run = run_pair(cfg, cache.to_verilog(Chiplet(cfg), name="chiplet"), packets, routes(cfg),
                   cycles=start + 4500, start=start, folder=tmp_path, pauses=0.4, seed=seed)
    assert sum(len(port) for end in run.received for port in end) == flits_in(cfg, packets)


def test_an_aborted_packet_comes_out_with_its_error_and_one_of_a_single_beat_not_at_all(tmp_path):
    cfg = one_port()
    start, size = begin(cfg), cfg.chiplet.flit_bytes
    lengths = ((3 * size - 5, True), (size, True), (2 * size, False))
    packets = [HostPacket(start, 0, 1, vc=1, data=bytes(range(1, length + 1)), error=error)
               for length, error in lengths]
    run = run_pair(cfg, cache.to_verilog(Chiplet(cfg), name="chiplet"), [[packets], [[]]],
                   routes(cfg), cycles=start + 200, start=start, folder=tmp_path, check=False)
    beats, full, error = run.received[1][0], (1 << size) - 1, 1 << cfg.derived.vc_bits
    assert [(b.last, b.user, b.keep) for b in beats] == [
        (0, 1, full), (0, 1, full), (1, 1 | error, full), (0, 1, full), (1, 1, full)]
    carried = b"".join(beat.data.to_bytes(size, "little") for beat in beats[:2])
    assert carried == packets[0].data[:2 * size]
    assert run.status["a_host0"]["ingress"]["bad_packets"] == 2


def test_a_stuck_pointer_in_the_host_egress_is_named_with_flit_port_and_cycle(
        tmp_path, seed, monkeypatch):
    monkeypatch.setattr(egress, "RoundRobin", StuckRoundRobin)
    cfg = one_port()
    # Both VCs wait at once only when the link, slower than a host, has filled the queues.
    packets = random_packets(cfg, np.random.default_rng(seed), flits=2000)
    done = both(cfg, packets, tmp_path, seed)
    # The first to differ may be a beat that the host, held up, offered later.
    wrong = next(line for line in done.mismatches if ".host_out[" in line)
    assert re.fullmatch(
        r"flit \d+ of packet \d+ from [ab]\.host_in\[0\] \(GPU \d+ to \d+, VC [01]\): "
        r"port [ab]\.host_out\[0\], cycle \d+: expected .*, seen .*", wrong)


def test_outputs_are_known_right_after_reset(tmp_path):
    made = Chiplet(config.load("ecp5"))
    simulate("chiplet", "lightloom.tb.tb_reset",
             {"chiplet.v": cache.to_verilog(made, name="chiplet")}, folder=tmp_path,
             test="outputs_are_known", env={"PORTS": json.dumps(describe(made))})
