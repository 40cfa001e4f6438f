"""The main job, end to end: trace, rack model, RTL of one chiplet, table and report."""

import re

import numpy as np
import pytest
from mutants import StuckRoundRobin
from typer.testing import CliRunner

from lightloom import config
from lightloom.flow import replay, sim
from lightloom.flow.cli import app
from lightloom.flow.errors import FlowError
from lightloom.hdl.link import admission
from lightloom.sim.rack import RackModel
from lightloom.sim.workload import DEFAULT_SKIP, DEFAULT_TRACE, TraceError, generate, load


@pytest.fixture
def trace(tmp_path):
    """A step of a small model over the 16 GPUs of `ecp5`: 4 ways tensor-, 4 ways data-parallel."""
    path = tmp_path / "small.et"
    generate(path, layers=1, hidden=256, sequence=64, vocabulary=512, tensor_parallel=4,
             data_parallel=4)
    return path


def test_command_carries_a_trace_through_model_and_rtl_and_writes_the_report(trace, tmp_path):
    out = tmp_path / "report"
    outcome = CliRunner().invoke(app, [
        "sim", "--profile", "ecp5", "--trace", str(trace), "--window", "1000", "--out", str(out),
        "--waves"])
    assert outcome.exit_code == 0, outcome.output
    assert "RTL and model agree" in outcome.output
    assert re.search(r"mismatches\s*│\s*0 ", outcome.output)
    waveform = out / "rtl" / "waves.fst"
    assert str(waveform) in outcome.output.replace("\n", "") and waveform.stat().st_size > 10_000
    page = (out / "index.html").read_text()
    assert "agree on each of" in page and str(trace) in page


def test_broken_rtl_fails_the_command_and_is_named(trace, tmp_path, monkeypatch):
    monkeypatch.setattr(admission, "RoundRobin", StuckRoundRobin)
    # Both kinds of parallelism at once: two VCs meet at the link.
    arguments = ["sim", "--profile", "ecp5", "--trace", str(trace), "--window", "600",
                 "--skip", "6", "--out", str(tmp_path / "report")]
    outcome = CliRunner().invoke(app, arguments)
    assert outcome.exit_code == 1, outcome.output
    assert re.search(
        r"mismatch: flit \d+ of packet \d+ from [ab]\.host_in\[0\] \(GPU \d+ to \d+, VC [01]\): "
        r"port [ab]\.host_out\[0\], cycle \d+: expected .*, seen ", outcome.output)


def test_replayed_packets_are_those_that_crossed_the_chiplet_in_the_window(seed):
    cfg = config.load("sim")
    rack = RackModel(cfg).run(load(DEFAULT_TRACE, cfg, skip=DEFAULT_SKIP, limit=20_000), 600)
    endpoint = replay.busiest_endpoint(rack, cfg.rack.endpoints)
    start = 1000
    packets = replay.chiplet_packets(cfg, rack, endpoint, start, np.random.default_rng(seed))
    for end, (place, cycle) in enumerate(((rack.src, rack.accepted), (rack.dst, rack.head))):
        want = [(int(cycle[n]) + start, int(rack.src[n]), int(rack.dst[n]), int(rack.nbytes[n]))
                for n in range(len(rack.src)) if place[n] == endpoint and cycle[n] >= 0]
        got = [(p.cycle, p.src, p.dst, len(p.data)) for port in packets[end] for p in port]
        assert sorted(want) == sorted(got) and want


def test_trace_of_more_ranks_than_the_rack_has_is_one_line(tmp_path):
    outcome = CliRunner().invoke(app, ["sim", "--profile", "ecp5", "--out", str(tmp_path)])
    assert outcome.exit_code == 2
    assert re.fullmatch(r"error: trace .*gpt\.et: 1024 ranks: the rack has rack\.endpoints = 16, "
                        r"which must be at least as many\n", outcome.stderr)


def test_window_in_which_nothing_is_sent_is_one_line(trace, tmp_path):
    with pytest.raises(TraceError, match="no packet is sent in the first 1 cycles"):
        sim.run(config.load("ecp5"), trace, window=1, out=tmp_path)


def test_endpoint_that_the_rack_does_not_have_is_one_line(trace, tmp_path):
    with pytest.raises(FlowError, match=r"GPU = 16: must be 0\.\.15"):
        sim.run(config.load("ecp5"), trace, window=10, endpoint=16, out=tmp_path)


def test_folder_that_cannot_be_written_is_one_line_before_anything_runs(trace, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FlowError, match=r"file/x/rtl: cannot be written"):
        sim.run(config.load("ecp5"), trace, window=10, out=tmp_path / "file" / "x")


@pytest.mark.long
def test_chiplet_in_rtl_has_a_port_for_each_plane_and_uses_them_all(trace, tmp_path, monkeypatch):
    cfg = config.override(config.load("ecp5"), chiplet__optical_ports=2, rack__planes=2,
                          xbar__statistics=True)
    runs, replayed = [], replay.replay
    monkeypatch.setattr(replay, "replay", lambda *args, **kwargs: (
        runs.append(replayed(*args, **kwargs)), runs[-1])[1])
    done = sim.run(cfg, trace, window=300, out=tmp_path)
    assert done.flits > 20 and done.mismatches == 0
    status = runs[0].run.status
    assert all(sum(status[f"a_status{p}"]["xbar"]["output"]["flits"]) > 0 for p in range(2))
    assert "a_status2" not in status
