"""The exported crossbar between flit sources and sinks, its tables written from a list."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lightloom.hdl.xbar.status import InputStatus, OutputStatus

from .bench import VERILOG, harness
from .flits import FlitCodec
from .layouts import decode
from .routes import TableCodec, TableWrite
from .runner import simulate
from .traffic import DELIVERED, NO_TAG, payload_of, tag_of_payload
from .xbar_scenario import Scenario, XbarRun

PARTS = ("flit_source.v", "voq_source.v", "credit_sink.v", "script_source.v", "table_writer.v",
         "change_log.v")
NEVER = (1 << 32) - 1


def crossbar_bench(scenario: Scenario, verilog: str, *, folder: Path, simulator: str = "icarus",
                   seed: int = 0, obey_stop: bool = False) -> XbarRun:
    """Run a scenario on `verilog`, the exported crossbar, top module `crossbar`.

    With `obey_stop` each source has a queue for each output (destination d is output d; packets
    of one flit on VC 0), and sends nothing for outputs that it is told to stop.
    """
    s, cfg, vcs = scenario, scenario.cfg, scenario.cfg.chiplet.vcs
    folder.mkdir(parents=True, exist_ok=True)
    folder = folder.resolve()
    codec, tables = FlitCodec(cfg), TableCodec(cfg, s.inputs, s.outputs)
    credits = cfg.xbar.vc_depth if s.source_credits is None else s.source_credits
    rows = [(write.cycle, tables.pack(write)) for write in map(TableWrite._make, s.writes)]
    # A source sends at most a flit a cycle.
    length = _room(max(map(len, s.stimulus)) if obey_stop else s.cycles)
    body = [
        *_steps(folder, "up", s.outputs, _changes(s.up, (1 << s.outputs) - 1)),
        *_steps(folder, "clear", 1, sorted(
            {**{c + 1: 0 for c in s.clear}, **dict.fromkeys(s.clear, 1)}.items())),
        *_steps(folder, "hold", s.outputs, _hold_changes(s.holds)),
        f"wire table_valid, table_ready; wire [{tables.bits - 1}:0] table_payload;",
        f"table_writer #({_list(folder, 'tables', tables.bits, rows)}) writer (.clk(clk), "
        ".rst(rst), .cycle(cycle), .valid(table_valid), .payload(table_payload), "
        ".ready(table_ready));",
    ]
    pins = [".clk(clk)", ".rst(rst)", ".up(up)", ".clear(clear)", ".tables__valid(table_valid)",
            ".tables__payload(table_payload)", ".tables__ready(table_ready)"]
    for port in [f"in_{i}" for i in range(s.inputs)] + [f"out_{j}" for j in range(s.outputs)]:
        body.append(codec.wires(port))
        side, _, number = port.partition("_")
        pins += [f".{side}puts__{number}__{wire}({port}_{wire})"
                 for wire in ("valid", "flit", "credit")]
    for i in range(s.inputs):
        _write_flits(folder / f"in_{i}.hex", s.stimulus[i], codec, length, by_output=obey_stop)
        for v in range(vcs):
            body.append(f"wire [{s.outputs - 1}:0] stop_{i}_{v};")
            pins.append(f".stop__{i}__{v}(stop_{i}_{v})")
        if obey_stop:
            body += _voq_source(codec, vcs, folder, i, s.stimulus[i], s.outputs, credits, length)
        else:
            body += [f"wire in_{i}_done;",
                     codec.source(f"source_{i}", folder / f"in_{i}.hex", length, credits,
                                  f"in_{i}")]
    for j in range(s.outputs):
        body.append(codec.sink(f"sink_{j}", folder / f"out_{j}.log", f"out_{j}",
                               hold=f"hold[{j}]"))
    layouts = [("input", InputStatus(cfg), s.inputs), ("output", OutputStatus(cfg), s.outputs)]
    for side, layout, count in layouts:
        body.append(f"wire [{layout.size * count - 1}:0] {side}_status;")
        pins += [f".{side}_status__{k}({side}_status[{layout.size * k} +: {layout.size}])"
                 for k in range(count)]
    width = s.inputs * vcs * s.outputs
    names = [f"stop_{i}_{v}" for i in range(s.inputs) for v in range(vcs)]
    body += [
        f"crossbar dut ({', '.join(pins)});",
        f"change_log #(.WIDTH({width}), .FILE(\"{folder}/stop.log\")) stops (.clk(clk), .rst(rst), "
        f".cycle(cycle), .value({{{', '.join(reversed(names))}}}));",
    ]
    top = harness("xbar_harness", "the crossbar between sources and sinks", body)
    sources = {"crossbar.v": verilog, "harness.v": top,
               **{f: (VERILOG / f).read_text() for f in PARTS}}
    simulate("xbar_harness", "lightloom.tb.tb_xbar", _written(folder, sources), folder=folder,
             name=folder.name, simulator=simulator, seed=seed, env={"CYCLES": str(s.cycles)})
    words = [int(line, 2) for line in (folder / "status.txt").read_text().split()]
    status = [[decode(layout, word >> layout.size * k & (1 << layout.size) - 1)
               for k in range(count)]
              for word, (_, layout, count) in zip(words, layouts, strict=True)]
    stops = _stops(folder / "stop.log", s.inputs, vcs, s.outputs)
    # The status comes late: the run goes on for it.
    return XbarRun(_delivered(folder, codec, s), *status,
                   [change for change in stops if change[0] < s.cycles])


def _written(folder: Path, sources: dict[str, str]) -> list[Path]:
    """Paths of these files. One that is there is left alone, so that Verilator builds once for all
    runs of a folder whose harness is the same.
    """
    for name, text in sources.items():
        path = folder / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
    return [folder / name for name in sources]


def _room(entries: int) -> int:
    """Entries of a list in Verilog: a power of two, so that few harnesses differ in it."""
    return 1 << max(entries - 1, 15).bit_length()


def _padding(width: int, entries: int) -> str:
    """Entries of a cycle that never comes."""
    return f"{NEVER << width:x}\n" * entries


def _list(folder: Path, name: str, width: int, rows) -> str:
    """Write (cycle, value) rows to a file; the parameters of a module that reads them."""
    path, length = folder / f"{name}.hex", _room(len(rows))
    path.write_text("".join(f"{cycle << width | value:x}\n" for cycle, value in rows)
                    + _padding(width, length - len(rows)))
    return f'.WIDTH({width}), .LENGTH({length}), .FILE("{path}")'


def _steps(folder, name, width, rows) -> list[str]:
    return [f"wire [{width - 1}:0] {name};",
            f"script_source #({_list(folder, name, width, rows)}) {name}_script (.clk(clk), "
            f".rst(rst), .cycle(cycle), .value({name}), .steps());"]


def _changes(changes, value: int) -> list[tuple[int, int]]:
    """(cycle, whole word) of changes of single bits; `value` is the word before any."""
    words = {0: value}
    for cycle, bit, on in sorted(changes, key=lambda change: change[0]):
        value = value & ~(1 << bit) | int(on) << bit
        words[cycle] = value
    return sorted(words.items())


def _hold_changes(holds) -> list[tuple[int, int]]:
    """The word of held outputs, whenever it changes; holds may overlap."""
    edges = sorted([(begin, j, 1) for j, begin, end in holds if begin < end]
                   + [(end, j, -1) for j, begin, end in holds if begin < end])
    depth, words = {}, {}
    for cycle, j, step in edges:
        depth[j] = depth.get(j, 0) + step
        words[cycle] = sum(1 << port for port, count in depth.items() if count)
    return sorted(words.items())


def _write_flits(path: Path, rows: np.ndarray, codec: FlitCodec, length: int,
                 by_output: bool) -> None:
    """Entries of `flit_source.v`, or, sorted by output, of `voq_source.v`."""
    rows = rows[:length]
    if by_output:
        rows = rows[np.argsort(rows[:, 5], kind="stable")]
    flit_bits, bits = codec.fields[0][1], codec.bits
    vc, first, end, src, dst = (codec.offsets[n] for n in ("vc", "first", "end", "src", "dst"))
    with path.open("w") as file:
        for c, v, f, e, a, b, tag in rows.tolist():
            word = (payload_of(tag, flit_bits) | v << vc | f << first | e << end | a << src
                    | b << dst | c << bits)
            file.write(f"{word:x}\n")
        file.write(_padding(bits, length - len(rows)))


def _voq_source(codec, vcs, folder, i, rows, outputs, credits, length) -> list[str]:
    begins = np.searchsorted(np.sort(rows[:, 5]), np.arange(outputs + 1))
    (folder / f"begins_{i}.hex").write_text("".join(f"{begin:x}\n" for begin in begins.tolist()))
    return [f"voq_source #(.FLIT({codec.bits}), .OUTPUTS({outputs}), .VCS({vcs}), "
            f".CREDITS({credits}), .LENGTH({length}), .FILE(\"{folder}/in_{i}.hex\"), "
            f".BEGINS(\"{folder}/begins_{i}.hex\")) source_{i} (.clk(clk), .rst(rst), "
            f".cycle(cycle), .valid(in_{i}_valid), .flit(in_{i}_flit), .credit(in_{i}_credit), "
            f".stop(stop_{i}_0));"]


def _delivered(folder: Path, codec: FlitCodec, scenario: Scenario) -> dict[str, np.ndarray]:
    """Columns of what the sinks recorded; a payload that is not its tag's is an error."""
    flit_bits, rows = codec.fields[0][1], []
    # Source routing turns the tag, and not what is above.
    check = not scenario.cfg.xbar.source_routing
    parts = [(codec.offsets[name], (1 << width) - 1) for name, width in codec.fields[1:]]
    mask = (1 << flit_bits) - 1
    for j in range(scenario.outputs):
        for line in (folder / f"out_{j}.log").read_text().splitlines():
            cycle, _, word = line.partition(" ")
            word = int(word, 16)
            vc, first, end, src, dst = (word >> at & field for at, field in parts)
            # The payload behind an abort is meaningless.
            tag = NO_TAG if end == 3 else tag_of_payload(word & mask, flit_bits, check=check)
            rows.append((int(cycle), j, vc, first, end, src, dst, tag))
    columns = np.array(rows, np.int64).reshape(-1, len(DELIVERED)).T
    columns = columns[:, columns[0] < scenario.cycles]
    order = np.lexsort((columns[1], columns[0]))
    return dict(zip(DELIVERED, columns[:, order], strict=True))


def _stops(path: Path, inputs: int, vcs: int, outputs: int) -> list[tuple[int, int, int, int]]:
    changes, last, mask = [], 0, (1 << outputs) - 1
    for line in path.read_text().splitlines():
        cycle, word = line.split()
        word = int(word, 16)
        for k in range(inputs * vcs):
            now = word >> outputs * k & mask
            if now != last >> outputs * k & mask:
                changes.append((int(cycle), k // vcs, k % vcs, now))
        last = word
    return changes
