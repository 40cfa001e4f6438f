"""`lightloom rack ...`: teaches by example, speaks JSON, refuses in one line."""

import json
import re

import pytest
from test_cli import refused
from typer.testing import CliRunner

from lightloom.flow.cli import app
from lightloom.flow.rack.cli import app as rack

SMALL = ("--set", "rack.endpoints=8", "--set", "rack.radix=4")
COMMANDS = sorted(command.name or command.callback.__name__
                  for command in rack.registered_commands)


def output(*arguments: str) -> str:
    outcome = CliRunner().invoke(app, ["rack", *map(str, arguments)], env={"COLUMNS": "200"})
    assert outcome.exit_code == 0, outcome.output
    return outcome.stdout


def test_commands_are_those_that_the_page_lists():
    from test_rack_docs import DOCS

    table = (DOCS / "sweeps.md").read_text().split("## Command line")[1]
    named = set()
    for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE):
        named |= set(re.findall(r"`(\w+)(?: [<[]\w+[]>])?`", row))
    assert named == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples_whose_options_exist(command):
    text = re.sub(r"\x1b\[[0-9;]*m", "", output(command, "--help"))
    options = set(re.findall(r"--[a-z][a-z-]*", text.split("Examples:")[0]))
    examples = re.findall(r"lightloom rack .*", text.split("Examples:")[1])
    assert len(examples) >= 2
    for example in examples:
        assert example.split()[2] == command
        assert set(re.findall(r"--[a-z][a-z-]*", example)) <= options, example


def test_load_prints_figures_and_the_same_as_json():
    arguments = ("load", *SMALL, "--load", 0.3, "--cycles", 2000)
    found = json.loads(output(*arguments, "--json"))
    assert found["pattern"] == "uniform" and found["stable"] is True
    assert found["accepted"] == pytest.approx(0.3, abs=0.05)
    assert f"{found['latency_mean']:,.4g}" in output(*arguments)


def test_unstable_run_says_so_instead_of_a_latency():
    arguments = ("load", *SMALL, "--load", 1.0, "--cycles", 2000)
    assert "not stable, so no latency is given: " in output(*arguments)
    found = json.loads(output(*arguments, "--json"))
    assert found["latency_mean"] is None and found["why"]


def test_sweep_writes_tables_and_report_and_says_where(tmp_path):
    arguments = ("sweep", "--loads", "0.1:0.3:0.2", "--seeds", 2, *SMALL, "--cycles", 1000,
                 "--vary", 'xbar.ecmp=["hash","occupancy"]', "--workers", 0, "--out", tmp_path)
    assert "8 points ran, 0 were there" in output(*arguments)
    assert (tmp_path / "report.html").is_file()
    found = json.loads(output(*arguments, "--json"))
    assert (found["ran"], found["resumed"], len(found["points"])) == (0, 8, 8)
    assert [(row["xbar.ecmp"], row["load"]) for row in found["curves"]] == [
        ("hash", 0.1), ("hash", 0.3), ("occupancy", 0.1), ("occupancy", 0.3)]
    (tmp_path / "report.html").unlink()
    assert "report.html" in output("report", tmp_path)
    assert (tmp_path / "report.html").is_file()


def test_collective_is_given_with_its_bounds_at_both_levels():
    found = {level: json.loads(output("collective", "all-reduce", *SMALL, "--bytes", 65536,
                                      "--level", level, "--json")) for level in ("flow", "flit")}
    for each in found.values():
        assert each["algorithm"] == "ring" and each["us"] >= each["busiest_link_us"] > 0
        assert each["us"] >= each["bound_us"] > 0
    assert found["flow"]["us"] == pytest.approx(found["flit"]["us"], rel=0.1)
    text = output("collective", "all-reduce", *SMALL, "--bytes", 65536)
    assert f"{found['flow']['us']:,.4g}" in text


def test_energy_of_a_load_adds_up():
    found = json.loads(output("energy", *SMALL, "--load", 0.3, "--cycles", 2000, "--json"))
    watts = {each["cause"]: each["watts"] for each in found["causes"]}
    total = watts.pop("total")
    assert total == pytest.approx(sum(watts.values())) and total > 0
    assert {"laser", "SerDes", "crossbar"} <= set(watts)
    each = next(each for each in found["causes"] if each["cause"] == "total")
    assert each["pj_per_bit"] == pytest.approx(1000 * total / found["delivered_gbps"])


def test_trace_is_run_at_both_levels(tmp_path):
    from lightloom.sim.workload import generate

    path = tmp_path / "step.et"
    generate(path, layers=2, hidden=256, sequence=64, vocabulary=512, tensor_parallel=2,
             data_parallel=4)
    flow = json.loads(output("trace", path, *SMALL, "--json"))
    assert flow["ranks"] == 8 and flow["end_us"] > 0 and flow["slowest"]
    flit = json.loads(output("trace", path, *SMALL, "--level", "flit", "--cycles", 1000, "--json"))
    assert flit["cycles"] == 1000 and flit["messages"] > 0
    assert "the longest communications" in output("trace", path, *SMALL)


def test_topology_counts_what_the_shipped_rack_has():
    found = json.loads(output("topology", "--json"))
    # (3 (N - k) + k - 1) / (N - 1) switches between different GPUs, N = 1,024, k = 32.
    assert found["hops_mean"] == pytest.approx((3 * 992 + 31) / 1023)
    assert (found["kinds"], found["fibres"], found["diameter"], found["bisection"]) == (
        {"leaf": 32, "spine": 32}, 2048, 3, 512)
    assert "32 leaf, 32 spine" in output("topology")


@pytest.mark.parametrize(("fields", "hops", "diameter", "bisection"), [
    # A ring of 8 with one GPU each: mean distance 16/7, and a cut of 2 fibres.
    (("rack.topology=torus", "rack.dims=[8]", "rack.radix=4"), 1 + 16 / 7, 5, 2),
    (("rack.topology=mesh", "rack.dims=[2,4]", "rack.radix=8"), 3, 5, 2),
    (("rack.topology=butterfly", "rack.dims=[8]", "rack.radix=8"), 2, 2, 16),
    (("rack.topology=direct", "rack.radix=8"), 1, 1, None),
])
def test_topology_has_the_figures_of_the_textbook(fields, hops, diameter, bisection):
    sets = [each for field in ("rack.endpoints=8", *fields) for each in ("--set", field)]
    found = json.loads(output("topology", *sets, "--json"))
    assert found["hops_mean"] == pytest.approx(hops)
    assert (found["diameter"], found["bisection"]) == (diameter, bisection)


@pytest.mark.parametrize(("arguments", "expected"), [
    (("load", "--set", "rack.endpoints"), "--set 'rack.endpoints': must be NAME=VALUE"),
    (("load", "--set", "endpoints=8"), "endpoints: no such field of a configuration"),
    (("load", "--set", "rack.endpoints=7"), "rack.endpoints = 7"),
    (("load", "--load", "2"), "load = 2.0: must be"),
    (("load", "--pattern", "unifrom"), "pattern = 'unifrom': must be one of"),
    (("load", "--param", "shire=2"), "shire"),
    (("load", "--faults", "gone.toml"), "faults gone.toml: cannot be read: No such file"),
    (("sweep",), "a sweep needs an experiment's file, --loads or --collective"),
    (("sweep", "gone.toml"), "experiment gone.toml: cannot be read: No such file"),
    (("sweep", "--loads", "0.1:x"), "--loads '0.1:x': must be numbers as 0.1,0.5"),
    (("sweep", "--loads", "0.1", "--seeds", "1.5"), "--seeds '1.5': must be whole numbers"),
    (("sweep", "--loads", "0.1", "--cluster", "pbs"), "cluster 'pbs': not one of slurm, lsf"),
    (("report", "gone"), "gone: not the folder of a sweep"),
    (("faults", "gone.toml"), "faults gone.toml: cannot be read: No such file"),
    (("topology", "--profile", "simm"), "profile 'simm': not one of"),
])
def test_what_cannot_be_is_one_line_of_error(arguments, expected):
    assert expected in refused("rack", *arguments)
