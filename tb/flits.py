"""Flits as integers on a struct port, and the files that harnesses read and write."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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


class FlitCodec:
    """Packs flits as the exported Verilog does: first field at the LSB."""

    def __init__(self, cfg):
        d = cfg.derived
        self.fields = [("payload", d.flit_bits), ("vc", d.vc_bits), ("first", 1), ("end", 2),
                       ("src", d.id_bits), ("dst", d.id_bits)]
        self.bits = sum(width for _, width in self.fields)
        self._vcs, self._vc_bits, self._vc_lsb = cfg.chiplet.vcs, d.vc_bits, d.flit_bits

    def pack(self, flit: Flit) -> int:
        value = shift = 0
        for name, width in self.fields:
            field = getattr(flit, name)
            if field >> width:
                raise ValueError(f"{name} = {field} does not fit {width} bits")
            value |= field << shift
            shift += width
        return value

    def unpack(self, value: int) -> Flit:
        fields = {}
        for name, width in self.fields:
            fields[name] = value & ((1 << width) - 1)
            value >>= width
        return Flit(**fields)

    def write_list(self, path: Path, flits: list[tuple[int, Flit]]) -> None:
        """Write (cycle, flit) entries for `flit_source.v`."""
        digits = (self.bits + 35) // 4
        with path.open("w") as file:
            for cycle, flit in flits:
                file.write(f"{cycle << self.bits | self.pack(flit):0{digits}x}\n")

    def read_log(self, path: Path) -> list[tuple[int, Flit]]:
        """Read what `flit_sink.v` recorded."""
        lines = (line.split() for line in path.read_text().splitlines())
        return [(int(cycle), self.unpack(int(flit, 16))) for cycle, flit in lines]

    def source(self, name: str, path: Path, length: int, credits: int, port: str,
               rst: str = "rst") -> str:
        """Instance of `flit_source` on the wires `<port>_valid/_flit/_credit` and `<port>_done`."""
        return (f'flit_source #({self._parameters()}, .CREDITS({credits}), .LENGTH({length}), '
                f'.FILE("{path}")) {name} (.clk(clk), .rst({rst}), .cycle(cycle), '
                f'.valid({port}_valid), .flit({port}_flit), .credit({port}_credit), '
                f'.done({port}_done));')

    def sink(self, name: str, path: Path, port: str, rst: str = "rst") -> str:
        """Instance of `flit_sink` on the wires `<port>_valid/_flit/_credit`."""
        return (f'flit_sink #({self._parameters()}, .FILE("{path}")) {name} (.clk(clk), '
                f'.rst({rst}), .cycle(cycle), .valid({port}_valid), .flit({port}_flit), '
                f'.credit({port}_credit));')

    def _parameters(self) -> str:
        return (f".FLIT({self.bits}), .VC_BITS({self._vc_bits}), .VC_LSB({self._vc_lsb}), "
                f".VCS({self._vcs})")

    def wires(self, port: str) -> str:
        """Declarations of one flit port's wires."""
        return (f"wire {port}_valid; wire [{self.bits - 1}:0] {port}_flit; "
                f"wire [{self._vcs - 1}:0] {port}_credit;")
