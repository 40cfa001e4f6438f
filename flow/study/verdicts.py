"""Each claim of the announcement, with the rule that judges it and the figures that it sees."""

from __future__ import annotations

from typing import NamedTuple

CONFIRMED, REFUTED, OPEN = "confirmed", "refuted", "out of reach"


class Verdict(NamedTuple):
    """`rule`: what would confirm it; `verdict`; `figures` that decided."""

    claim: str
    rule: str
    verdict: str
    figures: str


def judge(fabric, hops, load, done, watts, reach) -> list[Verdict]:
    """Verdicts of the tables of :mod:`.measure` and of `lightloom.sim.copper.claims`."""
    near, far = hops.ns["photonic, 1 switch"], hops.ns["photonic, 3 switches"]
    copper = hops.loc["copper, across domains"]
    light, built = fabric.loc["photonic"], fabric.loc["built"]
    both = load.dropna()
    heavy = load["photonic"]["mean"].dropna()
    gbps = both.index.max()
    kilo = watts.dropna()
    ratio = {name: (done[name] / done["photonic"]).round(1) for name in ("built", "equal")}
    return [
        Verdict(
            "One server-like fabric",
            "every GPU reaches every other at the bandwidth that it has to its neighbour, "
            "within 5 %",
            _verdict(light.outside_gbps >= 0.95 * light.inside_gbps),
            f"photonic {light.inside_gbps:,.0f} Gb/s near and far, to {light.gpus:,.0f} GPUs; "
            f"copper {built.inside_gbps:,.0f} to {built.gpus:,.0f} GPUs, "
            f"{built.outside_gbps:,.0f} beyond"),
        Verdict(
            "No multi-hop penalty",
            "the farthest GPU is as near as the nearest, within 5 %",
            _verdict(far <= 1.05 * near),
            f"unloaded, 64 bytes: {near:,.0f} ns over one switch, {far:,.0f} ns over three. "
            "Two levels of switches are hops too"),
        Verdict(
            "The latency of multi-hop top-of-rack networking is gone",
            "the farthest GPU is nearer than over Ethernet with all of copper's latencies at "
            "their low ends",
            _verdict(far < copper.low),
            f"{far:,.0f} ns against {copper.ns:,.0f} ({copper.low:,.0f} to {copper.high:,.0f}); "
            f"at {gbps:,.0f} Gb/s a GPU {both['photonic']['mean'][gbps]:,.0f} against "
            f"{both['built']['mean'][gbps]:,.0f} ns; photonic alone, at "
            f"{heavy.index.max():,.0f} Gb/s: {heavy.iloc[-1]:,.0f} ns"),
        *(Verdict(
            f"1,024 GPUs as one pool: {name}",
            "over all GPUs it ends sooner than on copper as built, at every size",
            _verdict(bool((ratio["built"][name] > 1).all())),
            "times as fast as built: " + _list(ratio["built"][name]) + "; as equal: "
            + _list(ratio["equal"][name])) for name in ratio["built"].columns),
        Verdict(
            "Orders of magnitude in energy",
            "at the same traffic, a tenth of copper's energy a bit or less",
            _verdict(bool((kilo["photonic"]["pj_per_bit"]
                           <= 0.1 * kilo["built"]["pj_per_bit"]).all())),
            "; ".join(f"{gbps:,} Gb/s a GPU: {row['photonic', 'pj_per_bit']:,.0f} against "
                      f"{row['built', 'pj_per_bit']:,.0f} pJ/bit" for gbps, row in
                      kilo.iloc[[0, -1]].iterrows())
            + f"; photonic at its fullest {watts['photonic']['pj_per_bit'].min():,.1f} pJ/bit, "
              "the fabric alone"),
        Verdict(
            "Orders of magnitude in bandwidth and distance",
            "ten times as far as copper cables with the bandwidth kept",
            _verdict(_reach(reach.photonic_gbps) >= 10 * _reach(reach.copper_gbps)),
            f"full rate up to {_reach(reach.photonic_gbps):g} m (as far as the configured "
            f"replay buffers and credits cover) against {_reach(reach.copper_gbps):g} m"),
        Verdict(
            "100 to 200 kW a rack", "needs the power of GPUs, memories and cooling",
            OPEN, f"the fabric of all 1,024 GPUs: "
                  f"{watts['photonic']['kilowatts'].max():,.0f} kW at its fullest"),
        Verdict(
            "Bit error rate held at up to 800 °C/s; serviceable lasers",
            "needs devices, not a digital model", OPEN,
            "what a dead wavelength or module costs is measured above"),
    ]


def _list(ratios) -> str:
    return ", ".join(f"{ratio:g}" for ratio in ratios)


def _verdict(holds: bool) -> str:
    return CONFIRMED if holds else REFUTED


def _reach(gbps) -> float:
    """Most metres at which the full rate is kept."""
    return gbps.index[gbps >= 0.999 * gbps.iloc[0]].max()
