"""Domains, leaves and spines of the copper baseline, and the network that they make."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from lightloom.config import ConfigError
from lightloom.sim.energy.constants import Constants, load_constants
from lightloom.sim.oq import Builder, Network

FLIT_BYTES = 64
"""Cut-through: a switch sends on when so much of a packet is in (a UALink TL flit)."""

TIERS = ("scale-up", "nic", "spine")


@dataclass(frozen=True)
class Copper:
    """GPUs in copper domains of one switch, and a NIC each to leaves and spines of Ethernet.

    Optimistic for copper: queues without end, so no loss, no pause and no retransmission; each
    packet takes the uplink that will be clear first; switches cut through; links of a tier
    between two nodes of a domain are one link of their sum; no link errs.

    Parameters
    ----------
    gpus : int
        2 to 4,096.
    scaleup_gbps : float, optional
        Line rate of a GPU's scale-up ports together, each way; `copper.scaleup_gbps` by default.
    constants : Constants, optional
    """

    gpus: int = 1024
    scaleup_gbps: float = 0.0
    constants: Constants = field(default_factory=load_constants, repr=False)

    def __post_init__(self):
        _require(2 <= self.gpus <= 4096, "gpus", self.gpus, "must be 2 to 4096")
        _require(self.scaleup_gbps >= 0, "scaleup_gbps", self.scaleup_gbps,
                 "must be more than 0, or 0 for copper.scaleup_gbps")
        used, most = self.constants["copper.domain_used"], self.constants["copper.domain_gpus"]
        _require(used <= most, "copper.domain_used", used,
                 f"must be at most copper.domain_gpus = {most}")
        _require(self.spines >= 1, "gpus", self.gpus, "must leave a port for each leaf")

    @property
    def domain(self) -> int:
        """GPUs of a domain that are in use."""
        return min(self.gpus, self.constants["copper.domain_used"])

    @property
    def domains(self) -> int:
        return -(-self.gpus // self.domain)

    @property
    def leaves_each(self) -> int:
        """Leaves of a domain: half of a leaf's ports go down."""
        return -(-self.domain // (self.constants["ethernet.switch_ports"] // 2))

    @property
    def leaf_gpus(self) -> int:
        """GPUs of a leaf, and its uplinks: the Ethernet does not oversubscribe."""
        return -(-self.domain // self.leaves_each)

    @property
    def leaves(self) -> int:
        return self.domains * self.leaves_each

    @property
    def spines(self) -> int:
        """The fewest that have a port for each uplink, alike for all leaves."""
        ports = self.constants["ethernet.switch_ports"]
        for count in range(1, self.leaf_gpus + 1):
            if self.leaf_gpus % count == 0 and self.leaves * self.leaf_gpus // count <= ports:
                return count
        raise ConfigError(f"copper: gpus = {self.gpus}: {self.leaves} leaves are more than spines "
                          f"of ethernet.switch_ports = {ports} can join")

    @property
    def rates(self) -> dict[str, float]:
        """Payload bytes/ns of a channel of each tier."""
        c = self.constants
        ethernet = c["ethernet.port_gbps"] / 8 * c["ethernet.efficiency"]
        scaleup = (self.scaleup_gbps or c["copper.scaleup_gbps"]) / 8
        return {"scale-up": scaleup * c["copper.scaleup_efficiency"], "nic": ethernet,
                "spine": ethernet}

    @property
    def capacity_gbps(self) -> dict[str, tuple[float, float]]:
        """Of each tier, over all channels, both directions: line rate, and payload."""
        count = {"scale-up": 2 * self.gpus, "nic": 2 * self.gpus,
                 "spine": 2 * self.leaves * self.leaf_gpus}
        line = {"scale-up": self.scaleup_gbps or self.constants["copper.scaleup_gbps"],
                "nic": self.constants["ethernet.port_gbps"],
                "spine": self.constants["ethernet.port_gbps"]}
        return {tier: (count[tier] * line[tier], count[tier] * 8 * self.rates[tier])
                for tier in TIERS}

    @property
    def flights(self) -> dict[str, float]:
        """ns of a channel: scale-up and NIC with their direction, cable, FEC and NIC included."""
        c = self.constants
        cable = c["common.copper_ns_per_m"]
        near, far = cable * c["copper.cable_m"], cable * c["ethernet.cable_m"]
        return {"up": near, "down": near + c["copper.fec_ns"],
                "out": c["ethernet.nic_ns"] + far,
                "in": far + c["copper.fec_ns"] + c["ethernet.nic_ns"],
                "spine": (c["common.fibre_ns_per_m"] * c["ethernet.spine_m"]
                          + 2 * c["ethernet.module_ns"])}

    def network(self) -> Network:
        """The network of :mod:`lightloom.sim.oq`.

        Nodes after the GPUs: domain switches, leaves, spines. A GPU's port 0 is its scale-up
        port, port 1 its NIC.
        """
        c, rates, flights = self.constants, self.rates, self.flights
        builder = Builder(self.gpus, spread="shortest")
        gpu = np.arange(self.gpus)
        domain, leaf = gpu // self.domain, self._leaf(gpu)

        def switches(count, delay):
            return [builder.switch(delay, cut_bytes=FLIT_BYTES) for _ in range(count)]

        inner = switches(self.domains, c["copper.scaleup_switch_ns"])
        leaves = switches(self.leaves, c["ethernet.switch_ns"])
        spines = switches(self.spines, c["ethernet.switch_ns"])
        for each in gpu:
            builder.channel(each, inner[domain[each]], rates["scale-up"], flights["up"])
            builder.channel(each, leaves[leaf[each]], rates["nic"], flights["out"])
        down = [builder.channel(inner[domain[each]], each, rates["scale-up"], flights["down"])
                for each in gpu]
        below = [builder.channel(leaves[leaf[each]], each, rates["nic"], flights["in"])
                 for each in gpu]
        trunk = self.leaf_gpus // self.spines
        up = [tuple(builder.channel(node, spine, rates["spine"], flights["spine"])
                    for spine in spines for _ in range(trunk)) for node in leaves]
        back = [[tuple(builder.channel(spine, node, rates["spine"], flights["spine"])
                       for _ in range(trunk)) for node in leaves] for spine in spines]
        for k, node in enumerate(inner):
            members = gpu[domain == k]
            builder.routes(members, [(0,) if inside else (1,) for inside in domain == k])
            # What does not belong here never comes here.
            builder.routes([node], [(down[d],) if domain[d] == k else (0,) for d in gpu])
        for k, node in enumerate(leaves):
            builder.routes([node], [(below[d],) if leaf[d] == k else up[k] for d in gpu])
        for k, node in enumerate(spines):
            builder.routes([node], [back[k][leaf[d]] for d in gpu])
        return builder.network()

    def carried(self, channels, ns: float) -> dict[str, float]:
        """Gb/s of payload on each tier in a run of `ns`, both directions together.

        Parameters
        ----------
        channels : lightloom.sim.oq.result.Channels
        """
        first = np.cumsum([self.gpus, self.domains, self.leaves])
        upper = np.maximum(channels.node, channels.into)
        lower = np.minimum(channels.node, channels.into)
        of = {"scale-up": (lower < first[0]) & (upper < first[1]),
              "nic": (lower < first[0]) & (upper >= first[1]),
              "spine": upper >= first[2]}
        return {tier: 8 * float(channels.nbytes[mask].sum()) / ns for tier, mask in of.items()}

    def _leaf(self, gpu):
        return (gpu // self.domain * self.leaves_each + gpu % self.domain // self.leaf_gpus)


def _require(ok: bool, name: str, value, allowed: str) -> None:
    if not ok:
        raise ConfigError(f"copper: {name} = {value!r}: {allowed}")
