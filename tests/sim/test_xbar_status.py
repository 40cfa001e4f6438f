"""The crossbar model by hand: statistics, and `stop`."""

from xbar_driver import START, count, packet, rows, run

COUNTED = {"statistics": True}


def test_flits_are_counted_by_vc_where_they_enter_and_leave():
    flits = {0: [*packet(START, 5, vc=0), *packet(START, 3, vc=1, dst=2)],
             2: packet(START, 4, vc=1, dst=2)}
    result = run(flits, changes=COUNTED)
    assert result.inputs["flits"].tolist() == [[5, 3], [0, 0], [0, 4], [0, 0]]
    assert result.outputs["flits"].tolist() == [[0, 0], [5, 0], [0, 7], [0, 0]]


def test_flits_that_are_refused_lost_or_aborts_of_an_output_are_not_counted():
    result = run([*packet(START, 3, dst=5), *packet(START, 60)], cycles=200,
                 up=[(50, 1, 0), (90, 1, 1)], changes=COUNTED | {"hold_cycles": 20})
    assert count(result, "aborts", 1) == 1 and count(result, "discards", 1) > 0
    assert result.inputs["flits"][0].tolist() == [60, 0]
    assert result.outputs["flits"][1].tolist() == [60 - count(result, "discards", 1), 0]


def test_peak_is_the_most_slots_in_use_and_begins_again_from_those():
    flits = packet(START, 8)
    held = {"holds": [(1, 0, 100)], "changes": COUNTED | {"credits": 2}}
    assert run(flits, **held).inputs["peak"][0].tolist() == [6, 0]
    # At 90 the six wait; at 150 all have left.
    assert run(flits, clear=[90], **held).inputs["peak"][0].tolist() == [6, 0]
    assert run(flits, clear=[150], **held).inputs["peak"][0].tolist() == [0, 0]


def test_two_stages_count_a_slot_for_a_cycle_after_its_flit_left():
    """One flit a cycle: written at w, gone at the end of w+2, its slot one cycle later."""
    flits = packet(START, 20)
    for stages, peak in ((1, 1), (2, 3)):
        result = run(flits, changes=COUNTED | {"stages": stages, "depth": 16})
        assert result.inputs["peak"][0].tolist() == [peak, 0]


def test_stalls_are_cycles_in_which_credits_alone_are_missing():
    """Two credits: the third flit could go from its match cycle START+4 on; the first pulse, at
    100, shows at 101."""
    result = run(packet(START, 3), holds=[(1, 0, 100)], changes=COUNTED | {"credits": 2})
    assert result.outputs["stalls"][1].tolist() == [101 - (START + 4), 0]


def test_a_clear_leaves_the_events_of_its_own_cycle():
    """Flit k is queued at START+k+1 and matched at START+k+2."""
    flits = packet(START, 10)
    result = run(flits, clear=[START + 5], changes=COUNTED)
    assert result.inputs["flits"][0, 0] == 10 - 4
    assert result.outputs["flits"][1, 0] == 10 - 3


def test_a_clear_leaves_counters_and_reports():
    result = run(packet(START, 1, dst=5), clear=[100], changes=COUNTED)
    assert count(result, "unknown") == 1 and result.refused["valid"][0] == 1


def test_stop_tells_which_queues_hold_voq_limit_flits():
    """Four flits wait for output 1 from START+1+4 on; the sink's credits come at 100."""
    flits = [*packet(START, 4, vc=1), *packet(START + 4, 1, vc=1, dst=2)]
    result = run(flits, cycles=300, holds=[(1, 0, 100)], changes={"credits": 1, "voq_limit": 3})
    stop = list(zip(*(result.stop[k].tolist() for k in ("cycle", "input", "vc", "outputs")),
                    strict=True))
    # The first left at START+2; three are there when the last was written at START+4; a pulse at
    # 100 shows at 101, so that one has left at 102.
    assert stop == [(START + 5, 0, 1, 0b10), (102, 0, 1, 0)]
    assert len(rows(result)) == 5
