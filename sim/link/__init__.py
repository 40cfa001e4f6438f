"""Golden model of error-free links with their SerDes adapters (docs/link.md, docs/serdes.md)."""

from .model import link_step
from .pair import LinkRun, run_link
from .state import LEAD, LinkState, flight_cycles, make_links, set_lanes

__all__ = ["LEAD", "LinkRun", "LinkState", "flight_cycles", "link_step", "make_links", "run_link",
           "set_lanes"]
