"""Small racks and traces of the flow model's tests, and its constants restated from docs/flows.md.
"""

from lightloom import config
from lightloom.sim.workload.schema import Collective, NodeType
from lightloom.sim.workload.writer import make_node, write


def rack(topology, endpoints, radix, planes=1, **changes):
    return config.override(
        config.load("sim"), chiplet__optical_ports=planes, rack__topology=topology,
        rack__endpoints=endpoints, rack__radix=radix, **changes)


def rate(cfg):
    """Flits a cycle of one link, long packets: line code, markers, tails."""
    serdes, frame = cfg.serdes, cfg.link.frame_flits
    line = serdes.lanes * cfg.derived.lane_bits / cfg.derived.flit_bits
    return (64 / 66 * serdes.marker_period / (serdes.marker_period + 1) * frame / (frame + 1)
            * line)


def alpha(cfg, switches, flits=10**9):
    """Latency beside flits / rate of a message of so many flits, `sim`: a beat is a row."""
    n = min(flits, cfg.link.frame_flits)
    beat = 66 / 64 * (cfg.serdes.marker_period + 1) / cfg.serdes.marker_period
    head = (1 + 4 * (switches + 2) + 2
            + (switches + 1) * (20 + (n + 1) * beat + cfg.derived.fibre_cycles))
    return head + n - n / rate(cfg)


def compute(number, micros, deps=()):
    return make_node(number, f"c{number}", NodeType.COMP_NODE, data_deps=deps, micros=micros,
                     is_cpu_op=False)


def collective(number, deps=(), nbytes=2**20, kind=Collective.ALL_REDUCE, **more):
    return make_node(number, f"coll{number}", NodeType.COMM_COLL_NODE, data_deps=deps,
                     is_cpu_op=False, comm_type=kind, comm_size=nbytes, **more)


def trace(path, nodes, **metadata):
    write(path, nodes, **metadata)
    return path
