"""The exported link against the model of its end, every output in every cycle."""

import pytest
from link_end_cases import CONFIGS, Script, small

from lightloom.flow.cache import to_verilog
from lightloom.hdl.link.layer import Link
from lightloom.sim.link.end import EndModel, State
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


def run(cfg, seed, cycles, folder, *, pace=1):
    """A run in which RTL and model are equal in every cycle: its inputs, the RTL's outputs."""
    log = Script(cfg, seed, pace=pace * cfg.derived.round_trip).run(cycles)
    inputs, outputs = zip(*log, strict=True)
    rtl = replay(cfg, log, folder)
    assert first_difference(outputs, rtl) is None
    return inputs, rtl


def differs(cfg, part, number, by, inputs, rtl):
    """Whether a model is found out in which one of its numbers is wrong."""
    model = EndModel(cfg)
    owner = getattr(model, part)
    setattr(owner, number, getattr(owner, number) + by)
    return first_difference((model.step(each) for each in inputs), rtl) is not None


@every_shape
def test_link_equals_its_model_in_every_cycle(tmp_path, seed, make):
    cfg = make()
    inputs, rtl = run(cfg, seed, 4000 if cfg.chiplet.vcs < 8 else 2000, tmp_path)
    # Of every run it is the beginning that leaves RESET.
    assert differs(cfg, "_training", "_round_trip", 1, inputs, rtl)


def with_full_ring(cfg, seed):
    """A script in which the ring of end 0 is full by now; not every one comes to that."""
    for number in range(16):
        script = Script(cfg, seed + number, pace=10**9)
        script.run(6 * cfg.derived.round_trip)
        script.on_full_ring()
        script.run(script.pair.cycle + 330)
        tx = script.pair.sides[0].model._tx
        if (tx._wr - tx._acked) % (2 * cfg.link.replay_flits) == cfg.link.replay_flits:
            return script
    raise AssertionError("no ring was full")


def test_link_that_is_reset_with_a_full_ring_equals_its_model(tmp_path, seed):
    cfg = small(link__keepalive_cycles=64)
    script = with_full_ring(cfg, seed)
    script.pair.reset(0)
    inputs, outputs = zip(*script.run(script.pair.cycle + 1200), strict=True)
    assert sum(each.rst for each in inputs) == 1
    assert outputs[-1].status.state == State.ACTIVE and outputs[-1].status.frames
    rtl = replay(cfg, list(zip(inputs, outputs, strict=True)), tmp_path)
    assert first_difference(outputs, rtl) is None


@pytest.mark.long
@pytest.mark.parametrize("part", range(8))
@every_shape
def test_link_equals_its_model_for_long(tmp_path, seed, make, part):
    run(make(), seed + part, 30_000, tmp_path)


WRONG = [("_training", "_silence_cycles"), ("_training", "_calm_cycles"),
         ("_training", "_replay_limit"), ("_training", "_rest_cycles"),
         ("_tx", "_timeout_cycles"), ("_tx", "_keepalive_cycles"), ("_tx", "_frame"),
         ("_rx", "_depth"), ("_rx", "_frame"), ("_policy", "_budget"), ("_policy", "_patience"),
         ("_policy", "_retry"), ("_lanes", "_wait")]


@pytest.mark.long
def test_a_model_that_is_wrong_by_one_is_found(tmp_path):
    cfg, left = small(), set(WRONG)
    # Seeds that between them have all that it takes; it takes long to come by chance.
    for seed in (2, 13):
        inputs, rtl = run(cfg, seed, 30_000, tmp_path / str(seed), pace=2)
        # Wires have their turns: a patience that ends between them is as good as one at a turn.
        left = {(part, number) for part, number in left if not differs(
            cfg, part, number, cfg.serdes.lanes if number == "_patience" else 1, inputs, rtl)}
    assert not left
