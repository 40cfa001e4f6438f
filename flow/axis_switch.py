"""verilog-axis' AXI4-Stream switch, to be measured beside our crossbar.

Routing by destination, round robin, no register at its inputs, a skid buffer at its outputs, KEEP
and one bit of USER. It stays outside the repository.
"""

from __future__ import annotations

from pathlib import Path

from ..tb.interop import PeerError
from . import tools
from .errors import CheckError
from .netlist import message

FILES = ("axis_switch.v", "axis_register.v", "arbiter.v", "priority_encoder.v")

TOP = """
module {top}(
  {ports});
  axis_switch #(.S_COUNT({n}), .M_COUNT({n}), .DATA_WIDTH({bits}), .KEEP_ENABLE(1), .ID_ENABLE(0),
    .M_DEST_WIDTH(1), .USER_ENABLE(1), .USER_WIDTH(1), .S_REG_TYPE(0), .M_REG_TYPE(2),
    .ARB_TYPE_ROUND_ROBIN(1)) switch (.clk(clk), .rst(rst), .s_axis_tid({{{n}{{8'd0}}}}),
    .m_axis_tid(), {connections});
endmodule
"""

BENCH = """
module bench;
  reg clk = 0, rst = 1;
  reg [{n}*{dest}-1:0] tdest = 0;
  reg [{n}-1:0] tlast = 0, taken;
  wire [{n}-1:0] tready, came;
  integer left [0:{n}-1];
  integer i, cycle, flits = 0, seed = 1;
  {top} dut(.clk(clk), .rst(rst), .s_axis_tdata({{{n}*{bits}{{1'b0}}}}),
    .s_axis_tkeep({{{n}*{bits}/8{{1'b1}}}}), .s_axis_tvalid({{{n}{{!rst}}}}),
    .s_axis_tready(tready), .s_axis_tlast(tlast), .s_axis_tdest(tdest),
    .s_axis_tuser({{{n}{{1'b0}}}}), .m_axis_tready({{{n}{{1'b1}}}}), .m_axis_tvalid(came));
  initial begin
    for (i = 0; i < {n}; i = i + 1) left[i] = 0;
    for (cycle = 0; cycle < {cycles}; cycle = cycle + 1) begin
      for (i = 0; i < {n}; i = i + 1) begin
        if (left[i] == 0) begin
          left[i] = {length};
          tdest[i*{dest} +: {dest}] = ({{$random(seed)}} % {n}) << 1;
        end
        tlast[i] = left[i] == 1;
      end
      #1 taken = rst ? 0 : tready;
      for (i = 0; i < {n}; i = i + 1) begin
        if (cycle >= {warm}) flits = flits + came[i];
        left[i] = left[i] - taken[i];
      end
      clk = 1;
      #1 clk = 0;
      rst = cycle < 4;
    end
    $display("flits %0d", flits);
    $finish;
  end
endmodule
"""


class AxisSwitch:
    """The switch with `ports` inputs and outputs of `bits`, from the checkout `peer`.

    Raises
    ------
    PeerError
        When it is not a checkout of verilog-axis.
    """

    def __init__(self, peer: Path, ports: int, bits: int, folder: Path):
        missing = [name for name in FILES if not (peer / "rtl" / name).is_file()]
        if missing:
            raise PeerError(f"PEER={peer}: rtl/{missing[0]} is missing; with PORTS= it must be a "
                            "checkout of verilog-axis")
        self.name = f"axis_switch_{ports}x{bits}"
        dest = (ports - 1).bit_length() + 1
        self._sizes = {"top": self.name, "n": ports, "bits": bits, "dest": dest}
        widths = {"tdata": ports * bits, "tkeep": ports * bits // 8, "tvalid": ports,
                  "tready": ports, "tlast": ports, "tdest": ports, "tuser": ports}
        self.ports = [{"name": name, "direction": "input", "width": 1} for name in ("clk", "rst")]
        for side in "sm":
            for name, width in widths.items():
                self.ports.append({
                    "name": f"{side}_axis_{name}",
                    "direction": "input" if (side == "s") != (name == "tready") else "output",
                    "width": ports * dest if (side, name) == ("s", "tdest") else width})
        self._work = folder / "peer"
        self._work.mkdir(parents=True, exist_ok=True)
        self.source = self._work / f"{self.name}.v"
        self.source.write_text("\n".join([
            *((peer / "rtl" / name).read_text(encoding="utf-8") for name in FILES),
            TOP.format(**self._sizes, connections=", ".join(
                f".{port['name']}({port['name']})" for port in self.ports[2:]),
                ports=",\n  ".join(f"{port['direction']} [{port['width'] - 1}:0] {port['name']}"
                                  for port in self.ports))]), encoding="utf-8")

    def saturation(self, length: int, cycles: int = 20_000) -> float:
        """Share of line rate with packets of `length` always waiting, uniform, sinks ready."""
        bench, program = self._work / "bench.v", self._work / "bench.vvp"
        warm = cycles // 10
        bench.write_text(BENCH.format(**self._sizes, length=length, cycles=cycles, warm=warm),
                         encoding="utf-8")
        for command in ([tools.system("iverilog"), "-g2012", "-s", "bench", "-o", program, bench,
                         self.source], [tools.system("vvp"), "-N", program]):
            code, output = tools.run(command)
            if code:
                raise CheckError(f"Icarus refuses {self.name}: {message(output)}")
        flits = int(output.split("flits ")[1].split()[0])
        return round(flits / (cycles - warm) / self._sizes["n"], 4)
