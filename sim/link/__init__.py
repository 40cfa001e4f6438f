"""Golden model of error-free links with their SerDes adapters (docs/link.md, docs/serdes.md)."""

from .group import links_step, make_wheel
from .model import link_step
from .pair import LinkRun, run_link
from .state import LinkState, make_links

__all__ = ["LinkRun", "LinkState", "link_step", "links_step", "make_links", "make_wheel",
           "run_link"]
