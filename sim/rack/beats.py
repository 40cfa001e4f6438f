"""A rack on a list of packets, beat by beat: the fast model as the testbench of the RTL sees it."""

from __future__ import annotations

from .pair import PairModel
from .topology import rack


class BeatModel(PairModel):
    """The rack of `cfg.rack`, run as :class:`.pair.PairModel` runs two chiplets.

    Crossbars, hosts and links are those of :class:`.model.RackModel`; packets come from lists,
    [endpoints][host_ports], in place of a task graph, and each beat is logged.

    Parameters
    ----------
    cfg : lightloom.config.Config
    """

    def __init__(self, cfg):
        self.cfg = cfg
        self.topology = rack(cfg)
