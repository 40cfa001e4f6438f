"""What the page's heat map shows: racks as drawings, runs as rates over their seeds."""

from __future__ import annotations

import numpy as np

from ... import config
from ...sim.rack.topology import rack as topology_of
from .figures import differing, label
from .layout import drawing
from .point import located
from .statistics import curves, gpu_losses, names, of_loads


class Runs:
    """Each curve's loads over their seeds, from a store.

    Attributes
    ----------
    curve : DataFrame
        As `curves` gives it.
    groups : for each of its rows, counts and windows summed over the seeds
    """

    def __init__(self, store, table):
        table = of_loads(table)
        self.curve = curves(table)
        self.axes = names(table) if len(table) else []
        place = {each["key"]: each["config"] for each in store.asked()["points"]}
        self.groups = []
        if not len(table):
            return
        for _, group in table.groupby([*self.axes, "load"], sort=False, dropna=False):
            self.groups.append(_summed([store.read(key) for key in group.key])
                               | {"config": place[group.key.iloc[0]]})

    def title(self, row, *without: str) -> str:
        """What tells a run apart, the load last; `without` some of it."""
        axes = [name for name in differing(self.curve) if name not in without]
        text = label(row, axes or ["pattern"])
        return text if "load" in without else f"{text} · load {row['load']:g}"


def _summed(outcomes) -> dict:
    histograms = [outcome.arrays["histogram"] for outcome in outcomes]
    histogram = np.zeros(max(map(len, histograms)), np.int64)
    for each in histograms:
        histogram[:len(each)] += each
    window = sum(outcome.row["cycles"] - outcome.row["warmup"] for outcome in outcomes)
    return {"received": sum(o.arrays["received_by"] for o in outcomes),
            "sent": sum(o.arrays["sent_by"] for o in outcomes), "window": window,
            "use": np.mean([o.arrays["link_use"] for o in outcomes], axis=0),
            "histogram": histogram, "link_names": outcomes[0].link_names}


def map_data(store, runs: Runs, topologies: dict) -> dict:
    """The heat map's data, ready for JSON; `topologies`: of each configuration's number."""
    racks, rack_of = [], {}
    for number, (cfg, topology) in topologies.items():
        rack_of[number] = len(racks)
        racks.append(drawing(topology, cfg))
    rows = [row for _, row in runs.curve.iterrows()]
    axes = [name for name in (*runs.axes, "load") if name != "fault"]
    plain = {tuple(row[axes]): k for k, row in enumerate(rows) if row["fault"] == ""}
    data = []
    for row, group in zip(rows, runs.groups, strict=True):
        base = plain.get(tuple(row[axes])) if row["fault"] else None
        run = {"name": runs.title(row, "fault") if base is not None or not row["fault"]
               else runs.title(row), "rack": rack_of[group["config"]], "fault": row["fault"],
               "base": base, "saturated": bool(row["saturated"]), "why": row["why"],
               "figures": _figures(row), "received": _short(group["received"] / group["window"]),
               "sent": _short(group["sent"] / group["window"]), "use": _short(group["use"])}
        if base is not None:
            before = runs.groups[base]
            lost = gpu_losses(before["received"], group["received"],
                                cycles=(before["window"], group["window"]),
                                packet_flits=row["packet_flits"]).sort_values("gpu")
            run |= {"lost": _short(lost.lost), "sure": lost.sure.tolist()}
        data.append(run)
    stable = [k for k, row in enumerate(rows) if not row["saturated"] and data[k]["base"] is None]
    first = stable[-1] if stable else 0
    return {"racks": racks, "runs": data, "first": first}


def _figures(row) -> dict[str, str]:
    if row["saturated"]:
        latency = ("none: saturated",) * 2
    else:
        ci = "" if np.isnan(row["latency_ci"]) else f" ± {row['latency_ci']:,.1f}"
        latency = (f"{row['latency_mean']:,.1f}{ci}", f"{row['latency_p99']:,.0f}")
    return {"accepted, flits a cycle and endpoint": f"{row['accepted']:.4f}",
            "mean latency, cycles": latency[0], "p99, cycles": latency[1],
            "seeds": f"{row['seeds']}"}


def kinds(link_names, use) -> dict[str, list[float]]:
    """Least, mean, most use of the links of each kind, as "gpu to leaf"."""
    found: dict[str, list[float]] = {}
    for name, value in zip(link_names, use.tolist(), strict=True):
        ends = [kind_of(end) for end in name.split(" -> ")]
        found.setdefault(" to ".join(ends), []).append(value)
    return {kind: [min(values), sum(values) / len(values), max(values)]
            for kind, values in found.items()}


def kind_of(node: str) -> str:
    """A node's kind: the first word of its name in a plane, as "leaf"."""
    words = node.split()
    return words[2] if words[0] == "plane" and len(words) > 2 else words[0]


def topologies(asked: dict, wanted) -> dict:
    """(Config, Topology) of each configuration's number in `wanted`."""
    found = {}
    for number in wanted:
        each = asked["configs"][number]
        cfg = config.build(each["fields"], origin="experiment.json")
        with located(cfg, each["network"]) as there:
            found[number] = cfg, topology_of(there)
    return found


def _short(values) -> list[float]:
    return np.round(np.asarray(values, float), 5).tolist()
