"""The blocks that can be exported, linted and synthesised by name."""

from .link.layer import Link
from .xbar.layer import Crossbar

BLOCKS = {
    "crossbar": Crossbar,
    "link": Link,
}
"""Name to component class; each is built from a configuration alone."""
