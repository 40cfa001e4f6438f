"""The drawing of a rack: every node has a place of its own, every link its two nodes."""

from pathlib import Path

import pytest
from rack_cases import SMALL

from lightloom import config
from lightloom.flow.rack.layout import drawing
from lightloom.sim.rack.topology import rack

RACKS = {
    "clos2": SMALL,
    "clos2 of 1,024": config.load("sim"),
    "direct": config.override(SMALL, rack__topology="direct", rack__radix=8),
    "two planes": config.override(SMALL, rack__planes=2),
    "torus": config.override(
        SMALL, rack__topology="torus", rack__dims=(3, 3, 3), rack__endpoints=54, rack__radix=8,
        rack__switch_endpoints=2),
    "mesh": config.override(
        SMALL, rack__topology="mesh", rack__dims=(5, 3), rack__endpoints=15, rack__radix=8),
    "butterfly": config.override(
        SMALL, rack__topology="butterfly", rack__dims=(4, 4), rack__endpoints=64, rack__radix=16,
        rack__switch_endpoints=4),
    "one group": config.override(
        SMALL, rack__topology="butterfly", rack__dims=(12,), rack__endpoints=48, rack__radix=16,
        rack__switch_endpoints=4),
    "file": config.override(
        SMALL, rack__topology="file", rack__endpoints=72, rack__radix=16,
        rack__file=str(Path(__file__).parents[2] / "docs" / "examples" / "dragonfly.json")),
}


@pytest.mark.parametrize("cfg", RACKS.values(), ids=RACKS)
def test_nodes_do_not_overlap_and_links_join_the_nodes_of_their_name(cfg):
    topology = rack(cfg)
    drawn = drawing(topology, cfg)
    nodes = drawn["nodes"]
    assert [node[0] for node in nodes] == list(topology.names)
    assert drawn["gpus"] == cfg.rack.endpoints
    boxes = sorted((x, y, x + width, y + height) for _, x, y, width, height, plane in nodes
                   if plane <= 0)
    for k, (left, top, right, bottom) in enumerate(boxes):
        assert left >= 0 and top >= 0 and right <= drawn["width"] and bottom <= drawn["height"]
        for x, y, _, y_end in boxes[k + 1:]:
            if x >= right:
                break
            assert y >= bottom or y_end <= top
    for (start, end), name, peer in zip(drawn["links"], topology.link_names, drawn["peers"],
                                        strict=True):
        assert name == f"{nodes[start][0]} -> {nodes[end][0]}"
        assert drawn["links"][peer] == [end, start]
