"""Synthetic traffic: patterns, arrivals and what is refused."""

import numpy as np
import pytest
from rack_graphs import small
from scipy import stats

from lightloom.config import ConfigError
from lightloom.sim.rack.load import PATTERNS, Traffic
from lightloom.sim.rack.load.patterns import SILENT, destinations
from lightloom.sim.rack.load.stream import CURSOR, draw, make_cursors, make_stream
from lightloom.sim.random import GAPS, gap_table, mix_of, threshold


def packets(traffic, count, seed=1, cfg=None):
    """[endpoints] arrays of CURSOR: the first packets of each stream."""
    stream = make_stream(traffic, cfg or small(), seed)
    cursors = make_cursors(stream, 1)
    seen = np.zeros((stream.endpoints, count), CURSOR)
    for e in range(stream.endpoints):
        for k in range(count):
            draw(stream, e, cursors[e])
            seen[e, k] = cursors[e]
    return seen


def at_least_likely(chance):
    """A test of a random figure fails in one of 10^7 runs at most."""
    assert chance > 1e-7


def test_patterns_with_one_destination_are_what_they_say(seed):
    cfg, number = small(radix=8, endpoints=16), np.arange(16)
    one = {name: destinations(Traffic(name), cfg, seed) for name in PATTERNS}
    assert [name for name in PATTERNS if one[name] is None] == [
        "uniform", "alltoall", "hotspot", "bursty"]
    assert sorted(one["permutation"]) == list(range(16))
    assert (one["permutation"] != number).all()
    row, column = number // 4, number % 4
    expected = np.where(row == column, SILENT, column * 4 + row)
    assert one["transpose"].tolist() == expected.tolist()
    assert one["tornado"].tolist() == ((number + 7) % 16).tolist()
    assert one["neighbour"].tolist() == ((number + 1) % 16).tolist()
    assert one["bitreverse"].tolist() == [
        SILENT, 8, 4, 12, 2, 10, SILENT, 14, 1, SILENT, 5, 13, 3, 11, 7, SILENT]
    assert destinations(Traffic("bitreverse", self_traffic=True), cfg, seed)[6] == 6


def test_permutations_follow_the_seed_and_prefer_none(seed):
    cfg = small(radix=4, endpoints=4)
    seen = [tuple(destinations(Traffic("permutation"), cfg, seed + k)) for k in range(900)]
    again = [tuple(destinations(Traffic("permutation"), cfg, seed + k)) for k in range(900)]
    assert seen == again
    counts = [seen.count(each) for each in sorted(set(seen))]
    assert len(counts) == 9      # derangements of four
    at_least_likely(stats.chisquare(counts).pvalue)


def test_uniform_traffic_goes_to_all_others_alike(seed):
    seen = packets(Traffic(), 400, seed)
    for own in (False, True):
        dst = seen["dst"] if not own else packets(Traffic(self_traffic=True), 400, seed)["dst"]
        itself = dst == np.arange(16)[:, None]
        assert itself.any() == own
        offset = (dst - np.arange(16)[:, None]) % 16
        at_least_likely(stats.chisquare(np.bincount(offset.reshape(-1))[not own:]).pvalue)


def test_all_to_all_goes_round_the_others():
    dst = packets(Traffic("alltoall"), 31)["dst"]
    for e in range(16):
        assert dst[e].tolist() == [(e + 1 + k % 15) % 16 for k in range(31)]


def test_a_hot_spot_has_its_share_and_the_rest_is_uniform(seed):
    dst = packets(Traffic("hotspot", share=0.25, targets=(3, 5)), 600, seed)["dst"]
    others = dst[[e for e in range(16) if e not in (3, 5)]]
    # A target is also one of the 15 that the rest goes to.
    expected = 0.25 / 2 + 0.75 / 15
    for target in (3, 5):
        hits = int((others == target).sum())
        at_least_likely(stats.binomtest(hits, others.size, expected).pvalue)
    assert not (dst == np.arange(16)[:, None]).any()


@pytest.mark.parametrize("flits", [1, 4, (1, 3, 3, 64)])
def test_gaps_are_those_of_a_bernoulli_process(flits, seed):
    traffic = Traffic(load=0.2, packet_flits=flits)
    seen = packets(traffic, 500, seed)
    gaps = np.diff(seen["cycle"], axis=1, prepend=-1).reshape(-1)
    chance = 0.2 / traffic.mean_flits
    assert gaps.min() >= 1
    # By the chance of a gap up to so long, cut in ten parts.
    edges = np.unique(stats.geom.ppf(np.linspace(0, 1, 11), chance)[1:-1])
    counts = np.bincount(np.searchsorted(edges, gaps), minlength=edges.size + 1)
    expected = np.diff(stats.geom.cdf(edges, chance), prepend=0, append=1) * gaps.size
    at_least_likely(stats.chisquare(counts, expected).pvalue)
    sizes = np.bincount(seen["flits"].reshape(-1), minlength=65)
    weights = np.bincount(traffic.sizes, minlength=65)
    assert (sizes[weights == 0] == 0).all()
    if (weights > 0).sum() > 1:
        part = weights > 0
        at_least_likely(stats.chisquare(
            sizes[part], weights[part] * sizes.sum() / weights.sum()).pvalue)


def test_a_full_load_of_single_flits_has_a_packet_in_each_cycle():
    assert packets(Traffic(load=1), 50)["cycle"].tolist() == [list(range(50))] * 16


def test_bursts_have_their_length_one_destination_and_the_load(seed):
    traffic = Traffic("bursty", load=0.4, packet_flits=2, burst=8)
    seen = packets(traffic, 3000, seed)
    gaps = np.diff(seen["cycle"], axis=1)
    assert gaps.min() == 2
    same = np.diff(seen["dst"], axis=1) == 0
    # Two bursts may follow one another without a gap, and may have the same destination.
    assert same[gaps == 2].mean() > 0.8 and same[gaps > 2].mean() < 0.2
    ends = int((gaps > 2).sum())
    idle = 8 * 2 * (1 - 0.4) / 0.4
    at_least_likely(stats.binomtest(ends, gaps.size, 1 / 8 * idle / (1 + idle)).pvalue)
    # A burst and its gap have a standard deviation below 2 (16 + 24) flits' times.
    offered = seen["flits"].sum() / (seen["cycle"][:, -1] + 2).sum()
    assert offered == pytest.approx(0.4, rel=6 * 2 / (16 * 3000 / 8) ** 0.5)


def test_virtual_channels_alternate_or_are_given():
    assert packets(Traffic(), 6)["vc"].tolist() == [[0, 1, 0, 1, 0, 1]] * 16
    assert (packets(Traffic(vc=1), 6)["vc"] == 1).all()


def test_random_numbers_are_those_of_splitmix64():
    """Its published first numbers for the seed 1234567."""
    from lightloom.sim.random import number

    published = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert [int(number(np.uint64(1234567), np.uint64(k))) for k in range(3)] == published
    assert mix_of(1, 2) != mix_of(2, 1)


def test_tables_of_gaps_are_exact():
    table = gap_table(0.25)
    for k in (0, 1, 5, 40):
        assert int(table[k]) == pytest.approx((1 - 0.75 ** (k + 1)) * 2**64, rel=1e-12)
    assert (np.diff(table.astype(object)) >= 0).all() and table.size == GAPS
    assert int(threshold(0.5)) == 2**63


@pytest.mark.parametrize(("changes", "message"), [
    ({"pattern": "all"}, "traffic.pattern = 'all': must be one of uniform,"),
    ({"load": 0}, "traffic.load = 0: must be above 0"),
    ({"load": 1.5}, "traffic.load = 1.5: must be above 0"),
    ({"load": True}, "traffic.load = True: must be above 0"),
    ({"load": float("nan")}, "traffic.load = nan: must be above 0"),
    ({"share": 2}, "traffic.share = 2: must be above 0"),
    ({"packet_flits": 0}, "traffic.packet_flits = 0: must be integers of at least 1"),
    ({"packet_flits": (1, 2.5)}, "traffic.packet_flits = "),
    ({"packet_flits": ()}, "traffic.packet_flits = "),
    ({"targets": (-1,)}, "traffic.targets = "),
    ({"burst": 0.5}, "traffic.burst = 0.5: must be 1 to 1e6"),
    ({"vc": -1}, "traffic.vc = -1: must be"),
])
def test_traffic_that_cannot_be_is_refused(changes, message):
    with pytest.raises(ConfigError) as error:
        Traffic(**changes)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(("traffic", "endpoints", "message"), [
    (Traffic(packet_flits=65), 16, "traffic.packet_flits = 65: must be at most xbar.max"),
    (Traffic(vc=2), 16, "traffic.vc = 2: must be below chiplet.vcs = 2"),
    (Traffic("hotspot", targets=(16,)), 16, "traffic.targets = (16,): must be below"),
    (Traffic("transpose"), 12, "rack.endpoints = 12: must be a square"),
    (Traffic("bitreverse"), 12, "rack.endpoints = 12: must be a power of two"),
    (Traffic("tornado"), 2, "rack.endpoints = 2: with traffic.pattern = 'tornado' nobody sends"),
])
def test_traffic_that_does_not_fit_the_rack_is_refused(traffic, endpoints, message):
    topology = "direct" if endpoints == 2 else "clos2"
    with pytest.raises(ConfigError) as error:
        make_stream(traffic, small(endpoints=endpoints, rack__topology=topology), 1)
    assert str(error.value).startswith(message)
