"""Two chiplets in RTL against the pair model: every beat of every host port, in its cycle."""

import numpy as np
import pytest
from test_chiplet import begin, small

from lightloom.flow import replay
from lightloom.sim.xbar import ONE
from lightloom.tb.pair_harness import HostPacket


def random_packets(cfg, rng, start, count):
    """Bursts of all lengths on every host port, half of them to the chiplet's own host ports."""
    size, longest, endpoints = cfg.chiplet.flit_bytes, cfg.xbar.max_packet_flits, 16
    lengths = [1, 5, size, size + 1, 4 * size, 9 * size - 3, longest * size]

    def port():
        cycle = start
        for _ in range(count):
            cycle += int(rng.integers(30)) if rng.random() < 0.3 else 0
            yield HostPacket(
                cycle=cycle, src=int(rng.integers(endpoints)), dst=int(rng.integers(endpoints)),
                vc=int(rng.integers(cfg.chiplet.vcs)), data=rng.bytes(int(rng.choice(lengths))))

    return [[list(port()) for _ in range(cfg.chiplet.host_ports)] for _ in range(2)]


@pytest.mark.parametrize("joined", [1, 2])
def test_local_and_remote_traffic_equals_the_model_beat_by_beat(joined, tmp_path, seed):
    cfg = small(chiplet__optical_ports=2)
    hosts, start = cfg.chiplet.host_ports, begin(cfg)
    here, away = (ONE, (1 << hosts) - 1), (ONE, (1 << joined) - 1 << hosts)
    routes = [[here if dst % 2 == end else away for dst in range(16)] for end in range(2)]
    packets = random_packets(cfg, np.random.default_rng(seed), start, 40)
    done = replay.replay(cfg, packets, routes, start=start, folder=tmp_path, seed=seed % 1000,
                         joined=joined)
    assert not done.mismatches, "\n".join(done.mismatches[:10])
    assert done.flits > 500
