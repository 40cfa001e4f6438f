"""The proofs hold, and each refuses a copy of the RTL that is broken where it looks."""

from inspect import signature

import broken
import pytest

from lightloom.flow import formal
from lightloom.flow.errors import CheckError, FlowError
from lightloom.formal.proofs import PROOFS

CHEAP = ("deskew_fifo", "partition", "sender", "receiver", "credits", "training")

BROKEN = [
    ("deskew_fifo", "fifo", broken.wrong_wrap, 12),
    ("deskew_fifo", "fifo", broken.late_overflow, 12),
    ("crossing", "crossing", broken.NeverFull, 16),
    ("crossing", "crossing", broken.BinaryCounters, 16),
    ("admission_fifos", "admission", broken.generous, 12),
    ("egress_fifos", "egress", broken.hasty_credit, 12),
    ("voq", "voq", broken.unlinked, 8),
    ("partition", "crossbar", broken.Leaky, 24),
    ("delivery", "delivery", broken.stuck_address, 12),
    ("delivery", "delivery", broken.ShallowQueue, 12),
    ("sender", "ring", broken.skipping_replay, 20),
    ("sender", "ring", broken.roomy_ring, 20),
    ("sender", "framer", broken.forgotten_head, 20),
    ("sender", "framer", broken.late_number, 20),
    ("receiver", "receiver", broken.eager, 20),
    ("receiver", "receiver", broken.careless, 20),
    ("receiver", "receiver", broken.narrow, 20),
    ("credits", "producer", broken.forgetful, 20),
    ("credits", "consumer", broken.overgenerous, 20),
    ("training", "training", broken.hasty, 24),
    ("training_up", "training", broken.needs_fresh, 25),
    ("training_up", "training", broken.unforgetting, 25),
]
"""Proof, the component's argument of its `build`, the broken copy, cycles from reset to search."""

CHEAP_BROKEN = ("wrong_wrap", "Leaky", "skipping_replay", "eager", "hasty", "needs_fresh")


def marked(cases, cheap, name):
    return [pytest.param(*case, marks=[] if name(case) in cheap else [pytest.mark.long],
                         id=f"{case[0]}-{name(case)}" if len(case) > 1 else case[0])
            for case in cases]


@pytest.mark.parametrize("name", marked([(name,) for name in PROOFS], CHEAP, lambda case: case[0]))
def test_the_proof_holds(tmp_path, name):
    outcome = formal.decide(PROOFS[name], folder=tmp_path)
    assert outcome.passed, outcome


@pytest.mark.parametrize("name, argument, copy, cycles",
                         marked(BROKEN, CHEAP_BROKEN, lambda case: case[2].__name__))
def test_a_broken_copy_breaks_the_statement(tmp_path, name, argument, copy, cycles):
    outcome = formal.decide(PROOFS[name], folder=tmp_path, search=cycles, **{argument: copy})
    assert not outcome.passed
    assert outcome.failed


def test_each_component_under_proof_has_a_broken_copy():
    wanted = {(name, argument) for name, proof in PROOFS.items()
              for argument in signature(proof.build).parameters}
    assert wanted == {case[:2] for case in BROKEN}


def test_a_proof_that_does_not_exist_is_refused_with_the_names_of_those_that_do():
    with pytest.raises(FlowError, match="'nonsense': not one of deskew_fifo"):
        formal.run(["nonsense"])


def test_a_missing_tool_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(formal, "SOLVER", "no-such-solver")
    with pytest.raises(FlowError, match="no-such-solver is not installed.*make setup"):
        formal.decide(PROOFS["deskew_fifo"], folder=tmp_path)


def test_a_proof_that_fails_fails_the_command(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(formal, "decide", lambda proof, **_: formal.Outcome(
        proof.name, False, 1.0, ["formal/x.py:1"], tmp_path / "log"))
    with pytest.raises(CheckError, match="receiver: formal/x.py:1"):
        formal.run(["receiver"])
    assert "FAILS" in capsys.readouterr().out
