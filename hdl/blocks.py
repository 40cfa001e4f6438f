"""The blocks that can be exported, linted and synthesised by name."""

from functools import partial

from .chiplet import Chiplet
from .link.lanes import LanePolicy
from .link.layer import Link
from .link.transmit_lanes import TransmitLanes
from .serdes.lane_rx import LaneRx
from .serdes.lane_tx import LaneTx
from .serdes.layer import AdapterRx, AdapterTx
from .serdes.port import Adapter
from .xbar.layer import Crossbar

BLOCKS = {
    "adapter": Adapter,
    "adapter_rx": AdapterRx,
    "adapter_tx": AdapterTx,
    "chiplet": Chiplet,
    "crossbar": Crossbar,
    "lane_policy": LanePolicy,
    "lane_rx": LaneRx,
    "lane_tx": partial(LaneTx, number=0),
    "link": Link,
    "transmit_lanes": TransmitLanes,
}
"""Name to component class; each is built from a configuration alone."""
