"""Flits as integers on a struct port, and the files that harnesses read and write."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .layouts import StructCodec

VERILOG = Path(__file__).parent / "verilog"


@dataclass(frozen=True)
class Flit:
    """One flit; the fields of docs/units.md."""

    payload: int = 0
    vc: int = 0
    first: int = 0
    end: int = 0
    src: int = 0
    dst: int = 0


class FlitCodec(StructCodec):
    """Flits as words, and the sources and sinks of a harness."""

    def __init__(self, cfg):
        d = cfg.derived
        super().__init__([("payload", d.flit_bits), ("vc", d.vc_bits), ("first", 1), ("end", 2),
                          ("src", d.id_bits), ("dst", d.id_bits)])
        self._vcs, self._vc_bits, self._vc_lsb = cfg.chiplet.vcs, d.vc_bits, d.flit_bits

    def unpack(self, value: int) -> Flit:
        return Flit(**self.split(value))

    def write_list(self, path: Path, flits: list[tuple[int, Flit]]) -> None:
        """Write (cycle, flit) entries for `flit_source.v`."""
        digits = (self.bits + 35) // 4
        with path.open("w") as file:
            for cycle, flit in flits:
                file.write(f"{cycle << self.bits | self.pack(flit):0{digits}x}\n")

    def read_log(self, path: Path) -> list[tuple[int, Flit]]:
        """Read what `credit_sink.v` recorded."""
        lines = (line.split() for line in path.read_text().splitlines())
        return [(int(cycle), self.unpack(int(flit, 16))) for cycle, flit in lines]

    def source(self, name: str, path: Path, length: int, credits: int, port: str,
               rst: str = "rst") -> str:
        """Instance of `flit_source` on the wires `<port>_valid/_flit/_credit` and `<port>_done`."""
        return (f'flit_source #({self._parameters()}, .CREDITS({credits}), .LENGTH({length}), '
                f'.FILE("{path}")) {name} (.clk(clk), .rst({rst}), .cycle(cycle), '
                f'.valid({port}_valid), .flit({port}_flit), .credit({port}_credit), '
                f'.done({port}_done));')

    def sink(self, name: str, path: Path, port: str, rst: str = "rst", hold: str = "1'b0") -> str:
        """Instance of `credit_sink` on the wires `<port>_valid/_flit/_credit`."""
        return (f'credit_sink #({self._parameters()}, .FILE("{path}")) {name} (.clk(clk), '
                f'.rst({rst}), .cycle(cycle), .valid({port}_valid), .flit({port}_flit), '
                f'.credit({port}_credit), '
                f'.hold({hold}));')

    def _parameters(self) -> str:
        return (f".FLIT({self.bits}), .VC_BITS({self._vc_bits}), .VC_LSB({self._vc_lsb}), "
                f".VCS({self._vcs})")

    def wires(self, port: str) -> str:
        """Declarations of one flit port's wires."""
        return (f"wire {port}_valid; wire [{self.bits - 1}:0] {port}_flit; "
                f"wire [{self._vcs - 1}:0] {port}_credit;")
