"""Bounds of collectives: the literature's closed forms, and never beaten by the model."""

from math import log2

import pytest
from rack_cases import SMALL

from lightloom import config
from lightloom.flow.errors import FlowError
from lightloom.flow.rack import Pool, Store, curves, make, run, write_report
from lightloom.flow.rack.bounds import bound_cycles, least_latency, steps
from lightloom.flow.rack.works import Collective
from lightloom.sim.workload import ALGORITHMS

EVERY = [(name, algorithm) for name, algorithms in ALGORITHMS.items() for algorithm in algorithms]


def test_steps_and_bytes_are_those_of_the_literature():
    n, size = 16, 1600
    assert steps("all-reduce", "ring", n, size) == (2 * (n - 1), 2 * (n - 1) / n * size)
    assert steps("all-reduce", "halving-doubling", n, size) == (2 * log2(n), 2 * 15 / 16 * size)
    assert steps("all-to-all", "pairwise", n, size) == (n - 1, (n - 1) / n * size)
    assert steps("broadcast", "tree", n, size) == (4, 4 * size)
    assert steps("barrier", "dissemination", 17, 1) == (5, 0)


def test_least_latency_is_the_closed_form_of_one_flit_over_one_switch():
    flight = SMALL.derived.fibre_cycles
    assert least_latency(SMALL) == 1 + 4 * 3 + 2 * (21 + 1 + flight) + 2
    ideal = config.override(SMALL, rack__links="ideal")
    assert least_latency(ideal) == 1 + 4 * 3 + 2 * flight + 2


def test_bound_of_one_rank_is_none():
    assert bound_cycles(SMALL, "all-reduce", "ring", 1, 4096) == 0


@pytest.mark.parametrize(("name", "algorithm"), EVERY)
def test_flow_model_beats_no_bound(name, algorithm):
    for nbytes in (64, 4096, 1 << 20):
        row = Collective(name, algorithm, nbytes).run(SMALL, None, 0).row
        assert row["of_bound"] >= 1, (nbytes, row)


@pytest.mark.parametrize(("name", "algorithm"), [
    ("all-reduce", "ring"), ("all-reduce", "halving-doubling"), ("all-to-all", "direct"),
    ("broadcast", "tree")])
def test_flits_beat_no_bound(name, algorithm):
    for nbytes in (64, 20_000):
        row = Collective(name, algorithm, nbytes, "flit").run(SMALL, None, 0).row
        assert row["of_bound"] >= 1, (nbytes, row)


def test_sweep_of_collectives_and_loads_has_a_row_for_each_and_a_report(tmp_path):
    asked = make(SMALL, loads=[0.2], cycles=1000, collectives=["all-reduce ring", "all-to-all"],
                 nbytes=[4096, 65536]).points()
    done = run(asked, tmp_path, Pool(workers=0), progress=False)
    assert len(done.table) == 5 and len(curves(done.table)) == 1
    assert done.table.algorithm.tolist()[1:] == ["ring", "ring", "direct", "direct"]
    assert Store(tmp_path).read(asked[-1].key).row["us"] == done.table.us.iloc[-1]
    text = write_report(tmp_path).read_text()
    assert "Completion of collectives" in text and "Latency against load" in text


def test_experiment_of_collectives_alone_needs_no_load(tmp_path):
    asked = make(SMALL, collectives="all-gather halving-doubling", nbytes=4096).points()
    assert [point.columns for point in asked] == [{
        "collective": "all-gather", "algorithm": "halving-doubling", "nbytes": 4096,
        "level": "flow", "fault": "", "seed": 0}]
    done = run(asked, tmp_path, Pool(workers=0), progress=False)
    assert len(curves(done.table)) == 0
    assert "Completion of collectives" in write_report(tmp_path).read_text()


@pytest.mark.parametrize(("given", "expected"), [
    ({"collectives": "all-reduec"}, "collective 'all-reduec': not one of all-reduce"),
    ({"collectives": "all-to-all ring"}, "algorithm 'ring' of all-to-all: not one of direct"),
    ({"levels": "packet"}, "level 'packet': not one of flit, flow"),
    ({"nbytes": 0}, "bytes = 0: must be a whole number"), ({"nbytes": []}, "nbytes: empty")])
def test_collective_that_cannot_be_is_refused(given, expected):
    with pytest.raises(FlowError, match=expected):
        make(SMALL, **{"collectives": "all-reduce", "nbytes": 4096, **given}).points()
