"""The exported link against the model of its end, every output in every cycle."""

import pytest
from link_end_cases import CONFIGS, Script, small

from lightloom.flow.cache import to_verilog
from lightloom.hdl.link.layer import Link
from lightloom.sim.link.end import EndModel
from lightloom.tb.link_end_harness import run_link_end

every_shape = pytest.mark.parametrize("make", CONFIGS.values(), ids=CONFIGS)


def replay(cfg, log, folder):
    """Outputs of the RTL, given the logged inputs."""
    seen = run_link_end(cfg, to_verilog(Link(cfg), name="link"), [inputs for inputs, _ in log],
                        folder=folder)
    assert len(seen) == len(log)
    return seen


def first_difference(outputs, rtl):
    """Where the outputs of a model and of the RTL first differ, or None."""
    for cycle, (model, seen) in enumerate(zip(outputs, rtl, strict=True)):
        if model != seen:
            wrong = _unequal(model, seen)
            if "status" in wrong:
                wrong |= _unequal(*wrong.pop("status"))
            return f"cycle {cycle}, state {model.status.state.name}: (model, RTL) are {wrong}"
    return None


def _unequal(model, rtl):
    return {name: (a, b) for name, a, b in zip(model._fields, model, rtl, strict=True) if a != b}


def run(cfg, seed, cycles, folder):
    log = Script(cfg, seed, pace=cfg.derived.round_trip).run(cycles)
    assert first_difference([outputs for _, outputs in log], replay(cfg, log, folder)) is None


@every_shape
def test_link_equals_its_model_in_every_cycle(tmp_path, seed, make):
    run(make(), seed, 4000, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("part", range(8))
@every_shape
def test_link_equals_its_model_for_long(tmp_path, seed, make, part):
    run(make(), seed + part, 30_000, tmp_path)


WRONG = [("_training", "_round_trip"), ("_training", "_silence_cycles"),
         ("_training", "_calm_cycles"), ("_training", "_replay_limit"),
         ("_tx", "_timeout_cycles"), ("_tx", "_keepalive_cycles"),
         ("_tx", "_frame"), ("_tx", "_ring_flits"), ("_rx", "_depth"), ("_rx", "_frame"),
         ("_policy", "_budget"), ("_policy", "_patience"), ("_policy", "_retry"),
         ("_lanes", "_wait")]


def test_a_model_that_is_wrong_by_one_is_found(tmp_path):
    cfg = small()
    log = Script(cfg, 0, pace=cfg.derived.round_trip).run(20_000)
    rtl = replay(cfg, log, tmp_path)
    assert first_difference([outputs for _, outputs in log], rtl) is None
    for part, number in WRONG:
        model = EndModel(cfg)
        owner = getattr(model, part)
        setattr(owner, number, getattr(owner, number) + 1)
        assert first_difference([model.step(inputs) for inputs, _ in log], rtl), number
