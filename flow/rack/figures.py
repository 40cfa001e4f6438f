"""Plotly figures of a sweep; the page gives them their text's colour."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from .statistics import names

COLOURS = ("#3b82c4", "#d9822b", "#2f9e6e", "#b5527d", "#7c6bd6", "#8a8f3c", "#3aa6a6", "#c2554a")


def figure(x: str, y: str, *, height: int = 380) -> go.Figure:
    """An empty figure in the style of all."""
    drawn = go.Figure()
    drawn.update_layout(
        height=height, margin={"l": 64, "r": 16, "t": 12, "b": 48}, paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)", font={"family": "system-ui, sans-serif", "size": 13},
        hoverlabel={"namelength": -1})
    for axes, title in ((drawn.update_xaxes, x), (drawn.update_yaxes, y)):
        axes(title=title, gridcolor="rgba(128,128,128,0.22)", zeroline=False,
             linecolor="rgba(128,128,128,0.5)", showline=True, rangemode="tozero")
    return drawn


def _legend(drawn: go.Figure) -> go.Figure:
    """A legend below, for which the figure grows."""
    entries = sum(trace.name is not None and trace.showlegend is not False
                  for trace in drawn.data)
    longest = max((len(trace.name or "") for trace in drawn.data), default=0)
    rows = -(-entries // (3 if longest < 18 else 2 if longest < 40 else 1))
    return drawn.update_layout(
        showlegend=True, height=370 + 19 * rows, margin={"b": 62 + 19 * rows},
        legend={"orientation": "h", "x": 0, "y": 0, "yref": "container", "yanchor": "bottom"})


def label(row, axes) -> str:
    """The name of a curve: what differs between curves."""
    parts = []
    for name in axes:
        value = row[name]
        if name == "fault":
            parts.append(str(value) or "no fault")
        elif name == "packet_flits":
            parts.append(f"{value}-flit packets")
        elif name in ("pattern", "variant"):
            parts.append(str(value))
        else:
            parts.append(f"{name.removeprefix('rack.')} {value}")
    return " · ".join(parts) or "load"


def differing(curve) -> list[str]:
    """Columns that tell the curves of a table apart."""
    axes = [name for name in curve.columns[:list(curve.columns).index("seeds")]
            if name != "load"]
    return [name for name in axes if curve[name].astype(str).nunique() > 1]


def _groups(curve):
    axes = differing(curve)
    found = {}
    for _, row in curve.iterrows():
        found.setdefault(label(row, axes or ["pattern"]), []).append(row)
    return found.items()


def latency(curve) -> go.Figure:
    """Mean latency against offered load with the 95 % interval; a cross where runs saturate."""
    drawn = figure("offered load, flits a cycle and endpoint", "mean latency, cycles")
    for k, (name, rows) in enumerate(_groups(curve)):
        colour = COLOURS[k % len(COLOURS)]
        good = [row for row in rows if not row.saturated]
        hover = [f"{name}<br>load {r.load:g}: {r.latency_mean:,.1f} ± {r.latency_ci:,.1f} cycles"
                 f"<br>p50 {r.latency_p50:,.0f}, p99 {r.latency_p99:,.0f}, "
                 f"most {r.latency_max:,.0f}<br>{r.seeds} seeds" for r in good]
        drawn.add_scatter(
            x=[r.load for r in good], y=[r.latency_mean for r in good], name=name,
            mode="lines+markers", line={"color": colour, "width": 2}, legendgroup=name,
            error_y={"array": np.nan_to_num([r.latency_ci for r in good]), "width": 4,
                     "thickness": 1.2}, hovertext=hover, hoverinfo="text")
        # A saturated load has no latency to draw: its mark hangs at the top of the plot.
        bad = [row for row in rows if row.saturated]
        if bad:
            drawn.add_scatter(
                x=[r.load for r in bad], y=[0.97 - 0.04 * (k % 8)] * len(bad), yaxis="y2",
                mode="markers", name=f"{name}: saturated", legendgroup=name, showlegend=False,
                marker={"symbol": "x", "size": 9, "color": colour}, hoverinfo="text",
                hovertext=[f"{name}<br>load {r.load:g}: saturated in {r.saturated} of {r.seeds} "
                           f"seeds, no mean latency<br>{r.why}" for r in bad])
    drawn.update_layout(yaxis2={"overlaying": "y", "range": [0, 1], "visible": False})
    return _legend(drawn)


def throughput(curve) -> go.Figure:
    """Accepted against offered load."""
    drawn = figure("offered load, flits a cycle and endpoint",
                   "accepted, the same")
    most = float(curve.load.max())
    drawn.add_scatter(x=[0, most], y=[0, most], mode="lines", name="all that is offered",
                      line={"color": "rgba(128,128,128,0.6)", "dash": "dot", "width": 1},
                      hoverinfo="skip")
    for k, (name, rows) in enumerate(_groups(curve)):
        drawn.add_scatter(
            x=[r.load for r in rows], y=[r.accepted for r in rows], name=name,
            mode="lines+markers", line={"color": COLOURS[k % len(COLOURS)], "width": 2},
            marker={"symbol": ["x" if r.saturated else "circle" for r in rows], "size": 7},
            error_y={"array": np.nan_to_num([r.accepted_ci for r in rows]), "width": 4,
                     "thickness": 1.2}, hoverinfo="text",
            hovertext=[f"{name}<br>offered {r.load:g}, accepted {r.accepted:.4f}"
                       + (f"<br>saturated in {r.saturated} of {r.seeds} seeds"
                          if r.saturated else "") for r in rows])
    return _legend(drawn)


def histogram(runs) -> go.Figure:
    """Share of the packets that take longer than so many cycles, of each run."""
    drawn = figure("latency, cycles", "packets that take longer")
    for k, run in enumerate(runs):
        counts = np.asarray(run["histogram"], float)
        if not counts.sum():
            continue
        tail = 1 - np.cumsum(counts) / counts.sum()
        shown = np.flatnonzero(counts)
        if shown.size > 400:
            shown = shown[np.linspace(0, shown.size - 1, 400).astype(int)]
        # The slowest packet has nobody above it, which a logarithm cannot show.
        shown = shown[tail[shown] > 1e-12]
        drawn.add_scatter(
            x=shown, y=100 * tail[shown], mode="lines", name=run["label"],
            line={"color": COLOURS[k % len(COLOURS)], "width": 1.6, "shape": "hv"},
            visible=True if run["curve"] == runs[0]["curve"] else "legendonly",
            hovertemplate="%{y:.3~g} % take more than %{x:,.0f} cycles"
                          "<extra>%{fullData.name}</extra>")
    drawn.update_yaxes(type="log", rangemode="normal", dtick=1, ticksuffix=" %",
                       exponentformat="none")
    return _legend(drawn)


def link_use(runs) -> go.Figure:
    """Use of the links of each kind against load: the mean, and from the least to the most."""
    drawn = figure("offered load, flits a cycle and endpoint", "use of the links, %")
    lines = list(dict.fromkeys((run["curve"], kind) for run in runs for kind in run["kinds"]))
    several = len({curve for curve, _ in lines}) > 1
    for k, (curve, kind) in enumerate(lines):
        some = [run for run in runs if run["curve"] == curve and kind in run["kinds"]]
        least, mean, most = 100 * np.array([run["kinds"][kind] for run in some]).T
        drawn.add_scatter(
            x=[run["load"] for run in some], y=mean, mode="lines+markers",
            name=f"{kind} · {curve}" if several else kind,
            line={"color": COLOURS[k % len(COLOURS)], "width": 1.6},
            visible=True if curve == runs[0]["curve"] else "legendonly",
            error_y={"symmetric": False, "array": most - mean, "arrayminus": mean - least,
                     "width": 4, "thickness": 1.2}, hoverinfo="text",
            hovertext=[f"{kind}, load {run['load']:g}<br>mean {b:.1f} %, least {a:.1f} %, "
                       f"most {c:.1f} %" for run, a, b, c
                       in zip(some, least, mean, most, strict=True)])
    return _legend(drawn)


def completion(table) -> go.Figure:
    """Completion of collectives by size, beside their analytic bounds."""
    drawn = figure("bytes of a rank", "time, µs")
    axes = [name for name in names(table) if name != "nbytes"
            and table[name].astype(str).nunique() > 1] or ["collective", "algorithm"]
    for k, (values, rows) in enumerate(table.groupby(axes, sort=False, dropna=False)):
        rows = rows.sort_values("nbytes")
        name = " · ".join(str(value) for value in values if value != "")
        colour = COLOURS[k % len(COLOURS)]
        drawn.add_scatter(
            x=rows.nbytes, y=rows.us, name=name, mode="lines+markers", legendgroup=name,
            line={"color": colour, "width": 2}, customdata=rows[["bound_us", "of_bound"]],
            hovertemplate=name + "<br>%{x:,} bytes: %{y:,.2f} µs<br>bound %{customdata[0]:,.2f} "
                                 "µs, %{customdata[1]:.2f} times that<extra></extra>")
        drawn.add_scatter(
            x=rows.nbytes, y=rows.bound_us, name=f"{name}: bound", mode="lines",
            line={"color": colour, "width": 1.2, "dash": "dot"}, legendgroup=name,
            showlegend=False, hoverinfo="skip")
    for axes in (drawn.update_xaxes, drawn.update_yaxes):
        axes(type="log", rangemode="normal", exponentformat="power")
    return _legend(drawn)
