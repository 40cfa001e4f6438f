"""The command line: what the user asked for wrongly ends in one line and exit code 2."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lightloom.flow.cli import app

LIGHTLOOM = Path(sys.executable).with_name("lightloom")


def refused(*arguments: str) -> str:
    """Run in this process; the command must print one line of error and exit with 2."""
    outcome = CliRunner().invoke(app, arguments)
    assert outcome.exit_code == 2, outcome.output
    assert isinstance(outcome.exception, SystemExit)
    lines = outcome.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: "), outcome.stderr
    return lines[0]


@pytest.mark.parametrize("command", ["sim", "waves", "verilog", "lint", "synth", "config"])
def test_unknown_profile_is_one_line_from_every_command(command):
    assert refused(command, "--profile", "simm") == (
        "error: profile 'simm': not one of ecp5, sim, tera, nor a .toml file")


@pytest.mark.parametrize(("old", "new", "expected"), [
    ("lanes = 4", "lanes = 0", "serdes.lanes = 0: input should be greater than or equal to 1"),
    ("vc_depth = 256", "vc_depth = 32",
     "xbar.vc_depth = 32: must hold a whole packet: at least xbar.max_packet_flits = 64"),
    ("replay_flits = 256", "replay_flits = 16",
     "link.replay_flits = 16: must cover the round trip"),
    ("lanes = 4", "lanes = = 4", "not valid TOML"),
    ("lanes = 4", "lines = 4", "serdes.lines = 4: no such field"),
])
def test_configuration_that_cannot_work_is_one_line(tmp_path, old, new, expected):
    path = tmp_path / "mine.toml"
    shipped = Path(__file__).parents[2] / "config" / "profiles" / "sim.toml"
    path.write_text(shipped.read_text().replace(old, new))
    error = refused("config", "--profile", str(path))
    assert str(path) in error and expected in error


def test_unknown_block_lists_the_known_ones():
    error = refused("verilog", "--block", "crosbar")
    assert error.startswith("error: block 'crosbar': not one of ") and "crossbar" in error


def test_out_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "below"
    assert refused("verilog", "--block", "crossbar", "--profile", "ecp5", "--out", str(out)) == (
        f"error: OUT={out}: cannot be written: Not a directory")


def test_synth_by_ports_takes_no_block():
    assert refused("synth", "--ports", "4", "--block", "link") == (
        "error: PORTS= measures the crossbar alone: without BLOCK=")


def test_interop_without_a_peer_says_how_to_get_one():
    error = refused("interop")
    assert "git clone" in error and "verilog-ethernet" in error and "PEER=" in error


def test_installed_command_exits_with_2_and_no_traceback():
    run = subprocess.run([LIGHTLOOM, "config", "--profile", "simm"], capture_output=True, text=True)
    assert run.returncode == 2
    assert run.stdout == "" and run.stderr.startswith("error: ") and run.stderr.count("\n") == 1


def test_config_prints_fields_and_what_follows():
    outcome = CliRunner().invoke(app, ["config", "--profile", "ecp5"])
    assert outcome.exit_code == 0
    assert "serdes.lane_gbps" in outcome.stdout and "round_trip" in outcome.stdout


def test_error_that_nobody_foresaw_keeps_its_traceback(monkeypatch):
    monkeypatch.setattr("lightloom.flow.show.show", lambda cfg: 1 // 0)
    outcome = CliRunner().invoke(app, ["config"])
    assert isinstance(outcome.exception, ZeroDivisionError)
