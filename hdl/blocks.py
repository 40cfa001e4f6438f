"""The blocks that can be exported, linted and synthesised by name."""

from .xbar.layer import Crossbar

BLOCKS = {
    "crossbar": Crossbar,
}
"""Name to component class; each is built from a configuration alone."""
