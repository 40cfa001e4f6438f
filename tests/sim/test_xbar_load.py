"""The crossbar model at full load, against what is known of such switches."""

import numpy as np
import pytest
from xbar_driver import FULL, straight

from lightloom.sim.xbar import CrossbarModel, Shape

SATURATION = {2: 0.75, 4: 0.65524, 8: 0.61839, 16: 0.60162}
"""Of FIFO queues at N ports, uniform: Karol, Hluchyj, Morgan, *Input versus output queueing on a
space-division packet switch*, IEEE Trans. Communications 35(12), 1987, table I."""


def throughput(rng, ports, cycles, warm_up, **changes):
    """Flits a cycle and output, of uniform single flits at load 1."""
    stimulus = []
    for i in range(ports):
        flits = np.zeros((cycles, 7), np.int64)
        flits[:, 2], flits[:, 3], flits[:, 4] = 1, FULL, i
        flits[:, 5] = rng.integers(ports, size=cycles)
        stimulus.append(flits)
    shape = Shape(inputs=ports, outputs=ports, vcs=1, depth=4096, credits=16, destinations=ports)
    result = CrossbarModel(shape, **changes).run(stimulus, cycles, writes=straight(ports))
    carried = (result.delivered["cycle"] >= warm_up).sum() / (ports * (cycles - warm_up))
    print(f"{ports} ports: {carried:.5f}")
    return carried


@pytest.mark.parametrize("ports", SATURATION)
def test_fifos_saturate_where_karol_hluchyj_and_morgan_say(ports, seed):
    rng = np.random.default_rng(seed)
    carried = throughput(rng, ports, 100_000, 1000, queues="fifo")
    assert carried == pytest.approx(SATURATION[ports], rel=0.005)


@pytest.mark.parametrize("stages", [1, 2])
def test_uniform_single_flits_at_full_load_carry_99_percent(stages, seed):
    rng = np.random.default_rng(seed)
    assert throughput(rng, 16, 100_000, 40_000, stages=stages) >= 0.99


@pytest.mark.long
@pytest.mark.parametrize("ports", SATURATION)
def test_fifos_saturate_where_karol_hluchyj_and_morgan_say_in_a_million_cycles(ports, seed):
    rng = np.random.default_rng(seed)
    carried = throughput(rng, ports, 1_000_000, 1000, queues="fifo")
    assert carried == pytest.approx(SATURATION[ports], rel=0.002)


@pytest.mark.long
@pytest.mark.parametrize("stages", [1, 2])
def test_uniform_single_flits_carry_99_percent_in_a_million_cycles(stages, seed):
    rng = np.random.default_rng(seed)
    assert throughput(rng, 16, 1_000_000, 40_000, stages=stages) >= 0.99
