"""Faults in runs and sweeps of the real model: whom they hit, and what is refused."""

import json

import pytest
from rack_cases import points
from test_cli import refused
from test_rack_cli import SMALL, output
from test_rack_docs import DOCS

from lightloom.flow.errors import CheckError
from lightloom.flow.rack import Pool, Store, gpu_losses, run, write_report

pytest.importorskip("lightloom.sim.rack.faults")

DEAD = '[[fault]]\nkind = "gpu"\nnode = "gpu 3"\n'


def test_dead_gpu_receives_nothing_and_is_named(tmp_path):
    path = tmp_path / "dead.toml"
    path.write_text(DEAD)
    arguments = ("faults", path, *SMALL, "--load", 0.3, "--cycles", 4000)
    found = json.loads(output(*arguments, "--json"))
    worst = found["hit"][0]
    assert (worst["gpu"], worst["after"], worst["lost"]) == (3, 0, 1)
    assert found["without"]["lost"] == 0
    text = output(*arguments)
    assert "gpu 3" in text and "100.0%" in text


def test_sweep_has_rows_with_and_without_the_fault(tmp_path):
    asked = points(loads=[0.3], seeds=1, cycles=4000, faults={"": "", "dead.toml": DEAD})
    done = run(asked, tmp_path, Pool(workers=0), progress=False)
    assert done.table.fault.tolist() == ["", "dead.toml"]
    arrays = [Store(tmp_path).read(key).arrays["received_by"] for key in done.table.key]
    windows = (done.table.cycles - done.table.warmup).tolist()
    assert gpu_losses(*arrays, cycles=windows).gpu[0] == 3
    assert "dead.toml" in write_report(tmp_path).read_text()


def test_schedule_that_cannot_be_is_named_as_the_user_did(tmp_path):
    path = tmp_path / "dead.toml"
    path.write_text(DEAD.replace("gpu 3", "gpu 99"))
    assert "gpu 99" in refused("rack", "faults", str(path), *SMALL)
    with pytest.raises(CheckError, match=r"1 of 1 points failed.*faults dead\.toml: "):
        run(points(loads=[0.3], seeds=1, faults={"dead.toml": "[[fault]]\nkind = 'no'\n"}),
            tmp_path / "out", Pool(workers=0), progress=False)


def test_shipped_schedule_runs():
    found = json.loads(output("faults", DOCS / "examples" / "faults.toml", *SMALL,
                              "--load", 0.3, "--cycles", 4000, "--json"))
    assert 3 in [each["gpu"] for each in found["hit"]]
