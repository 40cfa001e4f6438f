"""Plotly figures; those of the report take their colours from the page."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from ..sim.link.goodput import goodput as closed_form

BLUE, ORANGE = "#3b82c4", "#d9822b"
SCALE = [[0, "rgba(59,130,196,0.06)"], [0.5, BLUE], [1, ORANGE]]
"""Link use: nearly the page itself when idle, orange when full."""


def _figure(x: str, y: str, *, height: int = 320) -> go.Figure:
    figure = go.Figure()
    figure.update_layout(
        height=height, margin={"l": 64, "r": 16, "t": 8, "b": 48}, showlegend=False,
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)", bargap=0.02,
        font={"family": "system-ui, sans-serif", "size": 13}, hoverlabel={"namelength": -1})
    for axes, title in ((figure.update_xaxes, x), (figure.update_yaxes, y)):
        axes(title=title, gridcolor="rgba(128,128,128,0.22)", zeroline=False,
             linecolor="rgba(128,128,128,0.5)", showline=True)
    return figure


def latency(result) -> go.Figure:
    """Histogram of packet latency, with the median and the 99th percentile marked."""
    values = np.asarray(result.latency_cycles)
    figure = _figure("latency, core cycles", "packets")
    if not len(values):
        return _empty(figure, "no packet was delivered in the window")
    # A few stragglers must not squeeze all the rest into one bar: the last bar takes them.
    # Bars are whole cycles wide, or some would hold more values than their neighbours.
    low, top = int(values.min()), int(np.percentile(values, 99.9)) + 1
    step = -(-(top - low) // 100)
    counts, edges = np.histogram(np.minimum(values, top), np.arange(low, top + 2 * step, step))
    figure.add_bar(x=edges[:-1] + (step - 1) / 2, y=counts, width=step,
                   marker={"color": BLUE, "line": {"width": 0}},
                   hovertemplate="%{x:.0f} cycles: %{y:,} packets<extra></extra>")
    for percentile, name, place in ((50, "median", "top left"), (99, "p99", "top right")):
        at = result.latency(percentile)
        figure.add_vline(x=at, line={"color": ORANGE, "width": 1.5, "dash": "dot"},
                         annotation={"text": f"{name} {at:,.0f}", "yanchor": "bottom"},
                         annotation_position=place)
    figure.update_layout(margin={"t": 28})
    return figure


def link_use(result) -> go.Figure:
    """Use of each link over time: a heat map."""
    use = np.asarray(result.link_use)
    figure = _figure("time, core cycles", "", height=max(320, min(720, 90 + 14 * use.shape[1])))
    names = result.link_names or [f"link {k}" for k in range(use.shape[1])]
    if not use.size:
        return _empty(figure, "no link was observed")
    figure.add_heatmap(
        z=np.round(100 * use.T, 1), x=_times(result, len(use)), y=names, colorscale=SCALE,
        zmin=0, zmax=100, colorbar={"title": "%", "thickness": 12, "outlinewidth": 0},
        hovertemplate="%{y}<br>cycle %{x:,}<br>%{z} % used<extra></extra>")
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_layout(margin={"l": 8})
    figure.update_yaxes(automargin=True)
    return figure


def throughput(result) -> go.Figure:
    """Mean use of all links over time, and the flits delivered where they are known."""
    use = np.asarray(result.link_use)
    figure = _figure("time, core cycles", "mean link use, %")
    if not use.size:
        return _empty(figure, "no link was observed")
    x = _times(result, len(use))
    figure.add_scatter(x=x, y=100 * use.mean(axis=1), mode="lines", fill="tozeroy", name="links",
                       line={"color": BLUE, "width": 1.5}, fillcolor="rgba(59,130,196,0.18)",
                       hovertemplate="cycle %{x:,}: %{y:.1f} %<extra></extra>")
    figure.update_yaxes(rangemode="tozero")
    if result.delivered is not None:
        rate = np.asarray(result.delivered) / result.bucket_cycles
        figure.add_scatter(x=x, y=rate, mode="lines", name="delivered", yaxis="y2",
                           line={"color": ORANGE, "width": 1.5},
                           hovertemplate="cycle %{x:,}: %{y:.2f} flits a cycle<extra></extra>")
        figure.update_layout(
            showlegend=True, legend={"orientation": "h", "y": 1.12, "x": 0},
            margin={"r": 64, "t": 28},
            yaxis2={"overlaying": "y", "side": "right", "rangemode": "tozero", "showgrid": False,
                    "title": "flits delivered a cycle"})
    return figure


def virtual_channels(result) -> go.Figure:
    """Flits delivered on each VC."""
    figure = _figure("flits delivered", "", height=110 + 34 * max(1, len(result.vc_flits)))
    if not result.vc_flits:
        return _empty(figure, "not counted")
    figure.add_bar(y=[f"VC {v}" for v in range(len(result.vc_flits))], x=result.vc_flits,
                   orientation="h", marker={"color": BLUE}, textposition="auto",
                   text=[f"{n:,}" for n in result.vc_flits],
                   hovertemplate="%{y}: %{x:,} flits<extra></extra>")
    figure.update_layout(bargap=0.35)
    return figure


def _times(result, buckets: int) -> np.ndarray:
    """First cycle of each bucket."""
    return np.arange(buckets) * result.bucket_cycles


def _empty(figure: go.Figure, text: str) -> go.Figure:
    figure.add_annotation(text=text, showarrow=False, xref="paper", yref="paper", x=0.5, y=0.5)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return figure


def goodput(cfg, points) -> go.Figure:
    """Throughput against bit error rate: the closed form, and what was measured."""
    figure = _figure("bit error rate of the lanes", "flits accepted, of a link without errors")
    rates = np.logspace(-9, -4, 101)
    figure.add_scatter(x=rates, y=[closed_form(cfg, rate).share for rate in rates], mode="lines",
                       name="closed form", line={"color": BLUE, "width": 1.5})
    figure.add_scatter(x=[p.ber or p.asked for p in points], y=[p.share for p in points],
                       mode="markers", name="RTL", marker={"color": ORANGE, "size": 9},
                       hovertemplate="%{x:.3g}: %{y:.4f}<extra></extra>")
    figure.update_xaxes(type="log", exponentformat="power", dtick=1)
    figure.update_yaxes(rangemode="tozero")
    figure.update_layout(showlegend=True, legend={"x": 0.02, "y": 0.1})
    return figure


def growth(rows) -> go.Figure:
    """LUTs, flip-flops and LUT RAMs of the crossbar against its ports."""
    figure = _figure("ports", "cells")
    ports = [row["ports"] for row in rows]
    for key, name, color in (("lut4", "LUT4", BLUE), ("ff", "flip-flops", ORANGE),
                             ("lutram", "DPR16X4", "#6b9e4f")):
        figure.add_scatter(x=ports, y=[row["area"][key] for row in rows], mode="lines+markers",
                           name=name, line={"color": color, "width": 1.5}, marker={"size": 8},
                           hovertemplate="%{x} ports: %{y:,}")
    figure.update_xaxes(type="log", tickvals=ports, ticktext=[str(n) for n in ports])
    figure.update_yaxes(type="log", dtick=1)
    figure.update_layout(showlegend=True, legend={"x": 0.02, "y": 0.98})
    return figure
