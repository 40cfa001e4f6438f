"""The soak of two links: nothing lost, duplicated, reordered or altered, whatever happens.

What a run checks is in `tb/verilog/soak_flow.v` and `soak.v`; here is that each scenario does what
it says, and that broken links are caught.
"""

import pytest
from amaranth import Const, Instance, Mux, Signal

from lightloom.flow import cache
from lightloom.hdl.link import delivery, framer, layer, receiver
from lightloom.hdl.link.crc import INIT, residue, seed, update
from lightloom.hdl.serdes.layer import AdapterRx, AdapterTx
from lightloom.tb import soak
from lightloom.tb.runner import SimulationError


@pytest.fixture(scope="module")
def binary():
    cfg = soak.configuration("ecp5")
    return soak.build(cfg, cache.to_verilog(layer.Link(cfg), name="link"))


def with_adapters(profile):
    cfg = soak.configuration(profile)
    adapters = (cache.to_verilog(AdapterTx(cfg), name="adapter_tx")
                + cache.to_verilog(AdapterRx(cfg), name="adapter_rx"))
    return soak.build(cfg, cache.to_verilog(layer.Link(cfg), name="link"), adapters)


def assert_happened(run, signs):
    idle = [what for what in signs if not run.figures.get(what, run.records.get(what))]
    assert not idle, f"never happened: {idle}; seed {run.seed}"


@pytest.mark.parametrize("name", soak.SCENARIOS)
def test_a_hundred_thousand_flits_in_each_scenario(binary, seed, name):
    run = soak.run(binary, soak.SCENARIOS[name], flits=100_000, seed=seed)
    assert run.figures["flits"] >= 100_000
    assert_happened(run, soak.SIGNS[name])


def test_no_flit_is_lost_through_adapters_whose_lanes_die_and_return_or_are_all_dark(seed):
    binary = with_adapters("ecp5")
    run = soak.run(binary, soak.WITH_ADAPTERS["lanes"], flits=100_000, seed=seed)
    assert run.figures["flits"] >= 100_000 and not run.figures["gone"]
    assert_happened(run, soak.LANE_SIGNS)
    soak.run(binary, soak.WITH_ADAPTERS["all"], flits=100_000, seed=seed)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("profile", ["ecp5", "sim"])
def test_a_million_flits_through_adapters(seed, profile):
    binary = with_adapters(profile)
    for k in range(3):
        for scenario in soak.WITH_ADAPTERS.values():
            print(soak.run(binary, scenario, flits=200_000, seed=seed + k))


# Broken links. All are in one export, and a run chooses one: a build takes longer than a run.

mutation = Signal(4)


def chosen(name: str):
    """Whether the run is of that mutant; in a module that has :func:`with_mutation`."""
    return mutation == list(MUTANTS).index(name) + 1


def with_mutation(m):
    m.submodules.mutation = Instance("soak_mutation", o_number=mutation)
    return m


class SkippingReplay(layer.ReplayRing):
    """Replays from one flit too far."""

    def elaborate(self, platform):
        m = with_mutation(super().elaborate(platform))
        with m.If(self.seek & chosen("a replay skips a flit")):
            m.d.sync += self.tx.eq(self.position + Const(1, len(self.position)))
        return m


class UncreditedAdmission(layer.Admission):
    """Admits without a credit, while the ring has room."""

    def elaborate(self, platform):
        m = with_mutation(super().elaborate(platform))
        with m.If(chosen("flits are sent without a credit") & self.stalled.any() & ~self.renew):
            m.d.comb += m.submodules.choice.requests.eq(self.stalled)
        return m


class CarelessReceiver(layer.Receiver):
    """Accepts whole frames whatever their sequence number, or loses a credit."""

    def elaborate(self, platform):
        return with_mutation(super().elaborate(platform))

    def _judge(self, m, tail_seen, crc_good, tail, counted, first):
        super()._judge(m, tail_seen, crc_good, tail, counted, first)
        with m.If(chosen("the sequence number is ignored")):
            m.d.comb += self.accept.eq(
                self.tail & (tail.count == counted) & (tail.count != 0))
        with m.If(chosen("credits of a tail with errors are taken") & tail_seen & self.open):
            m.d.comb += self.tail.eq(1)


class ForgetfulConsumer(delivery.Consumer):
    """A new session takes the consumer's buffer for empty, or leaves its packets open."""

    def elaborate(self, platform):
        m = with_mutation(super().elaborate(platform))
        with m.If(chosen("a session begins with all credits")):
            m.d.comb += [free.eq(self._cfg.xbar.vc_depth) for free in self.free]
        with m.If(chosen("a cut packet is not ended")):
            m.d.comb += [self.aborting.eq(0), self.settled.eq(~self.given)]
        return m


class ChoosingFramer(layer.Framer):
    """Its functions are patched."""

    def elaborate(self, platform):
        return with_mutation(super().elaborate(platform))


MUTANTS = {
    "a replay skips a flit": "ber 1e-4",
    "flits are sent without a credit": "clean",
    "the sequence number is ignored": "forged",
    "credits of a tail with errors are taken": "bursts",
    "a session begins with all credits": "resets",
    "a cut packet is not ended": "resets",
    "the CRC is ignored": "ber 1e-4",
    "the session is ignored": "forged",
}


@pytest.fixture(scope="module")
def broken():
    cfg = soak.configuration("ecp5")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layer, "ReplayRing", SkippingReplay)
        patch.setattr(layer, "Admission", UncreditedAdmission)
        patch.setattr(layer, "Receiver", CarelessReceiver)
        patch.setattr(layer, "Framer", ChoosingFramer)
        patch.setattr(delivery, "Consumer", ForgetfulConsumer)
        patch.setattr(receiver, "update", lambda state, bits: Mux(
            chosen("the CRC is ignored"), residue(), update(state, bits)))
        for module in (framer, receiver):
            patch.setattr(module, "seed", lambda *numbers: Mux(
                chosen("the session is ignored"), INIT, seed(*numbers)))
        link = cache.to_verilog(layer.Link(cfg), name="link")
    chooser = (soak.VERILOG / "soak_mutation.v").read_text()
    return soak.build(cfg, link + chooser)


def test_a_link_with_no_fault_chosen_passes(broken, seed):
    soak.run(broken, soak.SCENARIOS["all"], flits=20_000, seed=seed)


@pytest.mark.parametrize("fault", MUTANTS)
def test_a_broken_link_fails(broken, seed, fault):
    # A skipped flit costs sessions by the dozen, slowly, which are counted at the end. A run of the
    # others ends with the first wrong flit, but may take many resets to come to it.
    flits = 3000 if fault == "a replay skips a flit" else 1_000_000
    with pytest.raises(SimulationError, match="SOAK FAIL"):
        soak.run(broken, soak.SCENARIOS[MUTANTS[fault]], flits=flits, seed=seed,
                 extra=(f"+mutation={list(MUTANTS).index(fault) + 1}",))


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("profile, flits", [("ecp5", 80_000_000), ("sim", 20_000_000)])
def test_a_hundred_million_flits(seed, profile, flits):
    cfg = soak.configuration(profile)
    binary = soak.build(cfg, cache.to_verilog(layer.Link(cfg), name="link"))
    rows = soak.campaign(binary, flits=flits, seed=seed, name=profile)
    assert sum(row["flits"] for row in rows.values()) >= flits
    print(soak.table(rows))
