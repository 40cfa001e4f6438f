"""The blocks that can be exported, linted and synthesised by name."""

from .chiplet import Chiplet
from .link.layer import Link
from .serdes.layer import AdapterRx, AdapterTx
from .serdes.port import Adapter
from .xbar.layer import Crossbar

BLOCKS = {
    "adapter": Adapter,
    "adapter_rx": AdapterRx,
    "adapter_tx": AdapterTx,
    "chiplet": Chiplet,
    "crossbar": Crossbar,
    "link": Link,
}
"""Name to component class; each is built from a configuration alone."""
