"""Broken crossbars that the tests must catch, and a scenario that shows each of them."""

from amaranth import Const

from lightloom.hdl.xbar import layer, output
from lightloom.sim.xbar import ALL as EVERY
from lightloom.sim.xbar import ONE, PERMIT, SLOT
from lightloom.tb import traffic
from lightloom.tb.routes import TableWrite, entry_writes
from lightloom.tb.xbar_scenario import Scenario, crossbar_config


class DeafInput(layer.InputPort):
    """Ignores writes of `permit`."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        m.d.comb += m.submodules.router.tables.permit_en.eq(0)
        return m


class HastyInput(layer.InputPort):
    """A multicast leaves with the first outputs that take it: the others do not get it."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        m.d.comb += m.submodules.queues.pop.eq(self.read_vc.any())
        return m


class SilentOutput(layer.OutputPort):
    """Cuts packets without an ABORT."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        m.d.comb += self.aborting.eq(0)
        return m


class RigidTables(layer.Tables):
    """Keeps the schedules that there are after reset."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        m.d.comb += self.slot_en.eq(0)
        return m


def stuck_pointer(monkeypatch):
    """The lowest requester always wins."""
    monkeypatch.setattr(output, "above", lambda onehot: Const(-1, len(onehot)))


def instead(name, cls):
    """The crossbar has `cls` in the place of its `name`."""
    return lambda monkeypatch: monkeypatch.setattr(layer, name, cls)


ALL = [stuck_pointer, instead("InputPort", DeafInput), instead("InputPort", HastyInput),
       instead("OutputPort", SilentOutput), instead("Tables", RigidTables)]
for _mutant, _name in zip(ALL, ("stuck pointer", "permit ignored", "multicast forgets members",
                                "no ABORT", "schedule ignored"), strict=True):
    _mutant.__name__ = _name


def scenario(rng):
    """Three ports: multicasts, an input that may not send to 2, a link that fails, a schedule."""
    n = 3
    cfg = crossbar_config(n, endpoints=8, vc_depth=8, max_packet_flits=4, hold_cycles=5)
    entries = [(ONE, 1), (ONE, 2), (ONE, 4), (EVERY, 3), (EVERY, 6), (ONE, 7), (ONE, 3),
               (EVERY, 7)]
    writes = entry_writes(entries, inputs=n)
    writes += [TableWrite(20, PERMIT, 1, 0, 0, 0b011),
               *(TableWrite(20, SLOT, 0, k, 0, 0b111) for k in range(1, 6))]
    stimulus = traffic.bernoulli(rng, traffic.uniform(n, 8), cycles=800, start=40, vcs=2,
                                 lengths=(1, 2, 4))
    up = [(300, 1, 0), (340, 1, 1), (500, 2, 0), (560, 2, 1)]
    return Scenario(cfg, stimulus, 900, n, n, writes, up=up)
