"""The crossbar model against a second reading of the contract, on anything that can happen."""

import numpy as np
import pytest
from xbar_random import scenario
from xbar_restated import Restated

from lightloom.sim.xbar import CrossbarModel

FIELDS = ("cycle", "output", "vc", "first", "end", "src", "dst", "tag", "payload")


def columns(table, names):
    return list(zip(*(table[name].tolist() for name in names), strict=True))


def by_vc(counts, like):
    return [[counts[port, vc] for vc in range(like.shape[1])] for port in range(like.shape[0])]


def compare(seed):
    """Run both and compare all; events of each kind that the run had."""
    shape, credits, run = scenario(np.random.default_rng(seed))
    model = CrossbarModel(shape, source_credits=credits).run(**run)
    restated = Restated(shape, credits)
    log = restated.run(**run)
    assert columns(model.delivered, FIELDS) == log, shape
    for name, values in restated.inputs.items():
        assert model.inputs[name].tolist() == values, (name, shape)
    for name, values in restated.outputs.items():
        assert model.outputs[name].tolist() == values, (name, shape)
    report = ("valid", "breach", "vc", "src", "dst")
    assert columns(model.refused, report) == restated.refused, shape
    assert columns(model.stop, ("cycle", "input", "vc", "outputs")) == restated.stop_log, shape
    if shape.statistics:
        for mine, name, theirs in ((model.inputs, "flits", restated.in_flits),
                                   (model.inputs, "peak", restated.peak),
                                   (model.outputs, "flits", restated.out_flits),
                                   (model.outputs, "stalls", restated.stalls)):
            assert mine[name].tolist() == by_vc(theirs, mine[name]), (name, shape)
    return {"deliveries": len(log), "stops": len(restated.stop_log),
            **{name: sum(values) for name, values in (*restated.inputs.items(),
                                                      *restated.outputs.items())}}


def test_random_crossbars_equal_the_contract_restated(seed):
    """All of it: tables of all kinds and partitions written under traffic, both kinds of queues,
    one and two stages, rounds, schedules, outputs that go down, slow sinks, broken packets."""
    totals = {}
    for number in range(40):
        for name, count in compare(seed + number).items():
            totals[name] = totals.get(name, 0) + count
    print(totals)
    # The comparison has seen each kind of event.
    assert all(totals.values())


@pytest.mark.long
def test_a_thousand_random_crossbars_equal_the_contract_restated(seed):
    for number in range(1000):
        compare(seed + 40 + number)
