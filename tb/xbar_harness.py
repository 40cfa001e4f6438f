"""The exported crossbar between flit sources and sinks."""

from __future__ import annotations

from pathlib import Path

from .bench import VERILOG, harness
from .flits import Flit, FlitCodec
from .routes import route_words
from .runner import simulate


def crossbar_bench(cfg, verilog: str, stimulus: list[list[tuple[int, Flit]]], routes, cycles: int,
                   *, folder: Path, simulator: str = "icarus", seed: int = 0):
    """Run the crossbar on a stimulus.

    Returns each output's list of (cycle, flit), and each input's counters: route drops, protocol
    errors, overflows.

    Parameters
    ----------
    verilog : str
        The exported crossbar, top module `crossbar`.
    stimulus : list of P lists of (cycle, flit)
        What each input's source sends, in order.
    routes : sequence of (valid, port, spread)
        Route entry of each destination; written one a cycle from cycle 0 on, so traffic must
        start after them.
    cycles : int
        Cycles to run.
    """
    codec, ports = FlitCodec(cfg), cfg.derived.ports
    folder.mkdir(parents=True, exist_ok=True)
    folder = folder.resolve()
    words, width = route_words(cfg, routes)
    (folder / "routes.hex").write_text("".join(f"{word:x}\n" for word in words))
    body, pins = [], [".clk(clk)", ".rst(rst)"]
    for i in range(ports):
        codec.write_list(folder / f"in_{i}.hex", stimulus[i])
        for side, port in (("inputs", f"in_{i}"), ("outputs", f"out_{i}")):
            body.append(codec.wires(port))
            pins += [f".{side}__{i}__{wire}({port}_{wire})" for wire in ("valid", "flit", "credit")]
        body += [
            f"wire in_{i}_done;",
            codec.source(f"source_{i}", folder / f"in_{i}.hex", len(stimulus[i]),
                         cfg.xbar.vc_depth, f"in_{i}"),
            codec.sink(f"sink_{i}", folder / f"out_{i}.log", f"out_{i}"),
            f"wire [47:0] counters_{i};",
        ]
        pins.append(f".counters__{i}(counters_{i})")
    body += [
        f"reg [{width - 1}:0] routes [0:{len(words) - 1}];",
        f'initial $readmemh("{folder}/routes.hex", routes);',
        f"wire route_valid = !rst && cycle < {len(words)};",
        f"wire [{width - 1}:0] route = routes[route_valid ? cycle : 0];",
        f"crossbar dut ({', '.join(pins)}, .route__payload(route), .route__valid(route_valid), "
        ".route__ready());",
        f"wire [{ports * 48 - 1}:0] counters = {{"
        + ", ".join(f"counters_{i}" for i in reversed(range(ports))) + "};",
    ]
    top = harness("xbar_harness", "the crossbar between sources and sinks", body)
    sources = {"crossbar.v": verilog, "harness.v": top,
               **{f: (VERILOG / f).read_text() for f in ("flit_source.v", "flit_sink.v")}}
    simulate("xbar_harness", "lightloom.tb.tb_xbar", sources, folder=folder, name=folder.name,
             simulator=simulator, seed=seed, env={"CYCLES": str(cycles)})
    word = int((folder / "counters.txt").read_text(), 16)
    counters = [tuple(word >> 48 * i + 16 * k & 0xFFFF for k in range(3)) for i in range(ports)]
    return [codec.read_log(folder / f"out_{i}.log") for i in range(ports)], counters
