"""Racks of ideal links: time and nothing else, so that switching is all that is seen."""

import numpy as np
import pytest
from rack_graphs import graph, small

from lightloom.sim.rack import RackModel


@pytest.mark.parametrize(("dst", "switches"), [(1, 1), (15, 3)])
def test_a_flit_takes_the_crossbars_and_the_flight(dst, switches):
    cfg = small(rack__links="ideal")
    result = RackModel(cfg).run(graph([(0, dst, 5 * 32, 0)]), 400)
    flight = (switches + 1) * cfg.derived.fibre_cycles
    assert (result.head - result.accepted).tolist() == [1 + 4 * (switches + 2) + flight + 2]
    assert (result.delivered - result.head).tolist() == [4]
    column = [name.startswith("gpu 0 ->") for name in result.link_names].index(True)
    assert result.link_flits[:, column].sum() == 5
    assert result.link_flits.sum() == 5 * (switches + 1)


@pytest.mark.parametrize(("metres", "depth"), [(0.1, 256), (8.0, 256), (40.0, 32)])
def test_a_flow_has_a_flit_a_cycle_or_a_buffer_a_round_trip(metres, depth):
    cfg = small(rack__topology="direct", radix=16, rack__links="ideal", rack__fibre_m=metres,
                xbar__vc_depth=512, link__replay_flits=1024)
    fabric_depth = depth
    cfg = cfg.model_copy(update={"xbar": cfg.xbar.model_copy(update={"vc_depth": fabric_depth})})
    result = RackModel(cfg).run(graph([(0, 7, 10**6, 0)]), 6000)
    carried = result.delivered_flits[2:].sum() / 4000
    # A slot is used from the grant (2 cycles from match to the wire) over the flight and the
    # crossbar (write, match) until its credit, on the wire a cycle later, has come back.
    loop = 2 * cfg.derived.fibre_cycles + 2 + 2 + 2
    assert carried == pytest.approx(min(1, depth / loop), rel=0.03)


def head_of_line(rng, ports, cycles):
    """Share of the outputs that are busy: saturated FIFO inputs, each packet to another port."""
    inputs = np.arange(ports)

    def others(size):
        return (inputs[size] + rng.integers(1, ports, len(inputs[size]))) % ports

    heads, moved = others(slice(None)), 0
    for cycle in range(cycles):
        order = rng.permutation(ports)
        # The first of each output in a random order.
        _, first = np.unique(heads[order], return_index=True)
        served = order[first]
        heads[served] = others(served)
        moved += served.size * (cycle >= cycles // 5)
    return moved / ports / (cycles - cycles // 5)


def test_fifo_inputs_saturate_as_head_of_line_blocking_has_it(seed):
    """Karol, Hluchyj, Morgan 1987: .60162 of 16 ports; a GPU sends itself nothing by the switch."""
    rng, count, cycles = np.random.default_rng(seed), 16, 8000
    cfg = small(rack__topology="direct", radix=count, endpoints=count, rack__links="ideal",
                rack__fibre_m=1.0, xbar__queues="fifo", xbar__ecmp="hash", chiplet__host_ports=1,
                xbar__max_packet_flits=1)
    tasks = [(e, int((e + k) % count), 32, 0) for _ in range(cycles)
             for e, k in enumerate(rng.integers(1, count, count))]
    result = RackModel(cfg).run(graph(tasks), cycles)
    carried = result.delivered_flits[2:].sum() / (cycles - 2000) / count
    expected = head_of_line(rng, count, 12_000)
    print(f"{carried:.4f} of the line rate, head-of-line blocking {expected:.4f}")
    assert expected == pytest.approx(0.60162, abs=0.012)
    assert carried == pytest.approx(expected, abs=0.01)
