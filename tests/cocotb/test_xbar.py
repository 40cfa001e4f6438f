"""The exported crossbar against the golden model, flit by flit and cycle by cycle."""

import numpy as np
import pytest
from mutants import StuckRoundRobin

from lightloom import config
from lightloom.flow.cache import to_verilog
from lightloom.hdl.xbar import matching
from lightloom.hdl.xbar.layer import Crossbar
from lightloom.sim.xbar import CrossbarModel
from lightloom.tb import traffic
from lightloom.tb.runner import simulate
from lightloom.tb.xbar_harness import crossbar_bench

PORTS = 8
START = 32


def eight_ports(**changes):
    return config.override(
        config.load("sim"), chiplet__host_ports=2, chiplet__optical_ports=6,
        chiplet__endpoints=16, rack__topology="direct", rack__endpoints=8, **changes)


def routes():
    """Destination d is port d; 8..11 spread by source over two ports; the rest have no route."""
    straight = [(1, port, 0) for port in range(PORTS)]
    return straight + [(1, 2 * k, 1) for k in range(4)] + [(0, 0, 0)] * 2 + [(1, 7, 7)] * 2


def both(cfg, stimulus, cycles, folder, **options):
    """Deliveries (cycle, output, vc, first, end, src, dst, tag) and counters, of RTL and model."""
    verilog = to_verilog(Crossbar(cfg), name="crossbar")
    logs, counters = crossbar_bench(
        cfg, verilog, stimulus, routes(), cycles, folder=folder, **options)
    rtl = [(c, j, f.vc, f.first, f.end, f.src, f.dst, traffic.tag_of(f))
           for j, log in enumerate(logs) for c, f in log]
    model = CrossbarModel(ports=PORTS, vcs=cfg.chiplet.vcs, depth=cfg.xbar.vc_depth,
                          credits=cfg.xbar.egress_depth, routes=np.array(routes()))
    result = model.run([traffic.for_model(flits) for flits in stimulus], cycles)
    golden = [tuple(int(x) for x in row) for row in zip(*(
        result.delivered[name] for name in
        ("cycle", "output", "vc", "first", "end", "src", "dst", "tag")), strict=True)]
    model_counters = [tuple(int(result.counters[name][i]) for name in
                            ("route_drops", "protocol_errors", "overflows"))
                      for i in range(PORTS)]
    return sorted(rtl), sorted(golden), counters, model_counters


def uniform(cfg, rng, packets, lengths=(1,)):
    return [traffic.packets(rng, count=packets, start=START, src=i, destinations=range(PORTS),
                            vcs=cfg.chiplet.vcs, lengths=lengths, flit_bits=cfg.derived.flit_bits)
            for i in range(PORTS)]


@pytest.mark.slow
def test_uniform_full_load_carries_95_percent_and_equals_the_model_for_100000_cycles(
        tmp_path, seed):
    cfg, cycles = eight_ports(), 100_000
    rng = np.random.default_rng(seed)
    rtl, golden, *_ = both(cfg, uniform(cfg, rng, cycles), cycles, tmp_path, simulator="verilator")
    steady = [row for row in rtl if row[0] >= 10_000]
    throughput = len(steady) / (PORTS * (cycles - 10_000))
    print(f"throughput {throughput:.4f} of line rate")
    assert rtl == golden
    assert throughput >= 0.95


def test_packets_of_mixed_lengths_equal_the_model(tmp_path, seed):
    cfg = eight_ports(xbar__egress_depth=8)
    rng = np.random.default_rng(seed)
    rtl, golden, counters, model_counters = both(
        cfg, uniform(cfg, rng, 150, lengths=(1, 2, 5, 17)), 1500, tmp_path)
    assert rtl == golden
    assert len(rtl) > 4000
    assert counters == model_counters == [(0, 0, 0)] * PORTS


def test_broken_packets_and_missing_routes_are_dropped_and_counted_as_in_the_model(tmp_path, seed):
    cfg = eight_ports()
    rng = np.random.default_rng(seed)
    stimulus = [
        traffic.spoil(rng, traffic.packets(
            rng, count=150, start=START, src=i, destinations=range(16), vcs=2,
            lengths=(1, 2, 4), flit_bits=cfg.derived.flit_bits, load=0.5), rate=0.1)
        for i in range(PORTS)]
    rtl, golden, counters, model_counters = both(cfg, stimulus, 1500, tmp_path)
    assert rtl == golden
    assert counters == model_counters
    assert all(drops and errors for drops, errors, _ in counters)


def test_output_held_by_a_packet_passes_no_other_of_its_vc(tmp_path, seed):
    cfg = eight_ports()
    rng = np.random.default_rng(seed)
    rtl, *_ = both(cfg, uniform(cfg, rng, 60, lengths=(1, 3, 9)), 1000, tmp_path)
    for output in range(PORTS):
        for vc in range(cfg.chiplet.vcs):
            holder = None
            for row in (r for r in rtl if r[1] == output and r[2] == vc):
                source, first, end = row[7] >> 32, row[3], row[4]
                assert first == (holder is None)
                assert holder in (None, source)
                holder = source if end == 0 else None


def test_a_reset_forgets_the_routes(tmp_path):
    verilog = to_verilog(Crossbar(config.load("ecp5")), name="crossbar")
    simulate("crossbar", "lightloom.tb.tb_reset", {"crossbar.v": verilog}, folder=tmp_path,
             test="routes_are_forgotten", env={"PROFILE": "ecp5"})


def test_a_stuck_arbiter_pointer_is_caught(tmp_path, seed, monkeypatch):
    monkeypatch.setattr(matching, "RoundRobin", StuckRoundRobin)
    cfg = eight_ports()
    rng = np.random.default_rng(seed)
    rtl, golden, *_ = both(cfg, uniform(cfg, rng, 100), 300, tmp_path)
    assert len(rtl) > 300       # it carries flits, in another order
    assert rtl != golden
