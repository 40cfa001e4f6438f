"""The one way to start a simulation."""

import os

import pytest

from lightloom.tb import runner


class NoBuild:
    def build(self, **options):
        assert "COROUTINES" in os.environ["MAKEFLAGS"]
        raise OSError("no build")


def test_a_simulation_leaves_the_environment_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "get_runner", lambda simulator: NoBuild())
    before = dict(os.environ)
    with pytest.raises(OSError, match="no build"):
        runner.simulate("top", "module", {"top.v": ""}, folder=tmp_path, simulator="verilator")
    assert dict(os.environ) == before
