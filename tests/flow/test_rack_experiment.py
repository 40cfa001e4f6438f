"""Experiments: what a file or a call asks for, and what a point is known by."""

from dataclasses import replace

import pytest
from rack_cases import SMALL, points

from lightloom import config
from lightloom.config import ConfigError
from lightloom.flow.errors import FlowError
from lightloom.flow.rack import fields, make, point, read

FILE = """
profile = "sim"
loads = [0.1, 0.4]
seeds = 3
packet_flits = [1, 4]
patterns = ["uniform", {pattern = "hotspot", share = 0.3}]
faults = ["dead.toml"]
cycles = 4000
[set]
rack.endpoints = 8
rack.radix = 4
[vary]
"xbar.ecmp" = ["hash", "occupancy"]
[variants.near]
[variants.far]
rack.fibre_m = 12.0
"""


def write(folder, text=FILE):
    (folder / "dead.toml").write_text("# a schedule")
    path = folder / "experiment.toml"
    path.write_text(text)
    return path


def test_file_gives_the_product_of_its_lists_seeds_last(tmp_path):
    found = read(write(tmp_path)).points()
    assert len(found) == 2 * 2 * 2 * 2 * 2 * 2 * 3
    assert len({each.key for each in found}) == len(found)
    assert [each.seed for each in found[:4]] == [1, 2, 3, 1]
    assert found[0].columns == {
        "variant": "near", "xbar.ecmp": "hash", "pattern": "uniform", "packet_flits": 1,
        "load": 0.1, "fault": "", "seed": 1}
    last = found[-1]
    assert last.columns == {
        "variant": "far", "xbar.ecmp": "occupancy", "pattern": "hotspot share=0.3",
        "packet_flits": 4, "load": 0.4, "fault": "dead.toml", "seed": 3}
    assert (last.cfg.rack.fibre_m, last.cfg.xbar.ecmp, last.schedule) == (
        12.0, "occupancy", "# a schedule")


@pytest.mark.parametrize(("old", "new", "expected"), [
    ("loads = [0.1, 0.4]", "loads = [0.1, 1.4]", "load = 1.4: must be"),
    ("loads = [0.1, 0.4]", "", "loads, or collectives: missing, required"),
    ("loads = [0.1, 0.4]", "loads = []", "loads: empty"),
    ('"uniform", ', '"unifrom", ', "pattern = 'unifrom'"),
    ("share", "shire", "shire"),
    ("cycles", "cycle", "cycle: no such field; there are profile, set"),
    ("cycles = 4000", "cycles = 0", "cycles = 0: must be a whole number, at least 1"),
    ("dead.toml", "gone.toml", "gone.toml: cannot be read: No such file"),
    ("rack.radix = 4", "rack.radius = 4", "rack.radius = 4: no such field"),
    ("rack.radix = 4", "radix = 4", "radix: no such field"),
    ("rack.radix = 4", "rack.radix = 2", "rack.endpoints = 8"),
    ("seeds = 3", "seeds = [-1]", "seeds = -1: must be a whole number, at least 0"),
    ("seeds = 3", "seeds = = 3", "not valid TOML"),
    ("packet_flits = [1, 4]", "packet_flits = [1, 65]", "packet_flits = 65: must be at most"),
])
def test_file_that_cannot_be_run_is_refused_in_one_line(tmp_path, old, new, expected):
    assert old in FILE
    with pytest.raises((FlowError, ConfigError)) as error:
        read(write(tmp_path, FILE.replace(old, new))).points()
    assert expected in str(error.value) and "\n" not in str(error.value)


def test_key_follows_from_all_that_decides_the_outcome_and_from_nothing_else(monkeypatch):
    base = points()[0]
    same = replace(base, cfg=config.override(SMALL, name="another"), fault="name of a file",
                   labels=(("variant", "x"),))
    assert same.key == base.key
    others = [
        replace(base, seed=7), replace(base, schedule="# dead"), replace(base, network="{}"),
        replace(base, cfg=config.override(SMALL, rack__fibre_m=9.0)),
        replace(base, work=replace(base.work, cycles=999)),
        replace(base, work=replace(base.work, warmup=100)), points(loads=[0.3])[0],
        points(patterns="permutation")[0], points(packet_flits=2)[0]]
    keys = {each.key for each in others}
    monkeypatch.setattr(point, "sources", lambda: "another version")
    other_model = points()[0].key
    assert len({base.key, other_model, *keys}) == len(others) + 2


def test_sources_are_those_of_model_and_configuration():
    assert [folder.name for folder in point.MODEL] == ["config", "sim"]
    assert all((folder / "__init__.py").is_file() for folder in point.MODEL)


def test_worker_with_other_sources_is_refused():
    with pytest.raises(FlowError, match="other sources of the model"):
        point.run_point(points()[0], "0123456789abcdef")


def test_two_schedules_of_one_name_are_told_apart(tmp_path):
    paths = [tmp_path / folder / "dead.toml" for folder in "ab"]
    for path in paths:
        path.parent.mkdir()
        path.write_text(path.parent.name)
    assert fields.schedules(paths) == [("", ""), (str(paths[0]), "a"), (str(paths[1]), "b")]


def test_too_many_points_are_a_slip_of_the_pen():
    with pytest.raises(FlowError, match="200,000 points: at most 100,000"):
        make(SMALL, loads=[0.1, 0.2], seeds=100_000).points()
