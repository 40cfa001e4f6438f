"""Relations between fields: both edges of each, and the configurations that cannot work."""

import pytest

from lightloom import config
from lightloom.config import ConfigError

SIM = config.load("sim")


def accepted(**changes):
    return config.override(SIM, **changes)


def refused(field: str, value, allowed: str, **changes) -> None:
    """`sim` with `changes` must be refused in one line: field = value: ... allowed ..."""
    with pytest.raises(ConfigError) as caught:
        config.override(SIM, **changes)
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(f"config sim: {field} = {value!r}: "), text
    assert allowed in text


def test_ports_of_a_chiplet_are_2_to_64_in_any_mix():
    accepted(chiplet__host_ports=2, chiplet__optical_ports=62)
    accepted(chiplet__host_ports=0, chiplet__optical_ports=2)
    accepted(chiplet__host_ports=64, chiplet__optical_ports=0)
    refused("chiplet.optical_ports", 63, "together must be 2 to 64, they are 65",
            chiplet__host_ports=2, chiplet__optical_ports=63)
    refused("chiplet.optical_ports", 1, "together must be 2 to 64, they are 1",
            chiplet__host_ports=0, chiplet__optical_ports=1)


def test_links_are_no_concern_of_a_crossbar_with_host_ports_alone():
    shallow = {"chiplet__flit_bytes": 8, "xbar__vc_depth": 64}
    accepted(chiplet__optical_ports=0, **shallow)
    refused("chiplet.flit_bytes", 8, "must be at least 16 with optical ports", **shallow)


def test_a_matching_in_two_stages_has_one_round():
    accepted(xbar__iterations=4)
    accepted(xbar__stages=2)
    refused("xbar.iterations", 2, "must be 1 with xbar.stages = 2", xbar__iterations=2,
            xbar__stages=2)


@pytest.mark.parametrize(("field", "value"), [("voq_limit", 1), ("ecmp", "occupancy")])
def test_counts_of_queues_need_a_queue_for_each_output(field, value):
    accepted(**{f"xbar__{field}": value})
    accepted(xbar__queues="fifo", xbar__ecmp="lowest")
    refused(f"xbar.{field}", value, "xbar.queues = 'voq'", xbar__queues="fifo",
            **{f"xbar__{field}": value})


@pytest.mark.parametrize("lanes", range(1, 17))
def test_any_number_of_lanes_is_accepted(lanes):
    # 16 lanes, or fewer faster ones, of what a beat of 4 blocks a core cycle can carry.
    accepted(serdes__lanes=lanes, serdes__lane_gbps=8.0, serdes__word_bits=16,
             link__replay_flits=2048, xbar__vc_depth=2048)


@pytest.mark.parametrize(("lanes", "word", "least"), [(4, 66, "500.3000"), (8, 40, "606.4242")])
def test_core_clock_carries_what_the_fastest_partner_sends(lanes, word, least):
    changes = {"serdes__lanes": lanes, "serdes__word_bits": word, "serdes__lane_gbps": word / 2}
    refused("chiplet.core_mhz", 500.0,
            f"must carry {lanes} lanes of {word / 2:g} Gb/s, each clock 300 ppm off: "
            f"at least {least}", **changes)
    refused("chiplet.core_mhz", float(least) - 0.001, "at least", **changes,
            chiplet__core_mhz=float(least) - 0.001)
    accepted(**changes, chiplet__core_mhz=float(least) + 0.0001, link__replay_flits=512,
             xbar__vc_depth=512)


def test_one_clock_for_all_needs_no_margin():
    changes = {"serdes__word_bits": 66, "serdes__lane_gbps": 33.0}
    refused("chiplet.core_mhz", 500.0, "1 ppm off", serdes__clock_ppm=1, **changes)
    assert accepted(serdes__clock_ppm=0, **changes).derived.common_clock


def test_a_core_clock_of_its_own_is_told():
    derived = accepted(chiplet__core_mhz=520.0).derived
    assert not derived.common_clock
    assert derived.word_mhz == 500.0
    assert derived.lane_bits == pytest.approx(32_000 / 520)


def test_marker_period_is_at_least_twice_the_depth_of_the_deskew_fifos():
    accepted(serdes__marker_period=40, serdes__deskew_blocks=16)
    refused("serdes.marker_period", 40,
            "must be at least twice the depth of the deskew FIFOs, 2 x 21 = 42",
            serdes__marker_period=40, serdes__deskew_blocks=17)


@pytest.mark.parametrize("field", ["link__replay_flits", "link__keepalive_cycles",
                                   "link__lane_retry_cycles"])
def test_counts_that_wrap_are_powers_of_two(field):
    accepted(**{field: 2048})
    refused(field.replace("__", "."), 2000, "must be a power of two", **{field: 2000})


def test_frame_metadata_must_leave_room_for_a_head():
    edge = next(n for n in range(1, 65) if not fits(n))
    assert accepted(link__frame_flits=edge - 1, **DEEP).derived.frame_heads >= 1
    refused("link.frame_flits", edge, "does not fit a 32-byte tail: at most ",
            link__frame_flits=edge, **DEEP)


DEEP = {"link__replay_flits": 1024, "xbar__vc_depth": 1024}


def fits(frame_flits: int) -> bool:
    """Whether the tail of docs/link.md has room: its fields, counted here by hand."""
    count, seq, credit = frame_flits.bit_length(), 11, 11
    fixed = 8 + count + 2 * seq + 1 + 2 + 2 + 4 + 2 * credit + 32
    return 256 - fixed - 4 * frame_flits >= 2 * 10


def test_replay_window_smaller_than_the_round_trip_is_refused():
    trip = SIM.derived.round_trip
    flits = -(-trip * 4 * 64 // (66 * 4))
    assert 256 >= flits > 128
    accepted(link__replay_flits=256)
    refused("link.replay_flits", 128,
            f"must cover the round trip of {trip} cycles: at least {flits} flits",
            link__replay_flits=128)


def test_longer_fibre_needs_a_larger_replay_window():
    refused("link.replay_flits", 256, "must cover the round trip", rack__fibre_m=100.0)
    accepted(rack__fibre_m=100.0, link__replay_flits=1024, xbar__vc_depth=1024)


def test_voq_smaller_than_a_packet_is_refused():
    accepted(xbar__max_packet_flits=256)
    refused("xbar.vc_depth", 256, "must hold a whole packet: at least xbar.max_packet_flits = 257",
            xbar__max_packet_flits=257)


def test_voq_smaller_than_the_round_trip_is_refused():
    trip = SIM.derived.round_trip
    flits = -(-trip * 4 * 64 // (66 * 4))
    accepted(xbar__vc_depth=flits)
    refused("xbar.vc_depth", flits - 1,
            f"must cover the round trip of {trip} cycles: at least {flits} flits",
            xbar__vc_depth=flits - 1)


def test_rack_has_at_most_the_endpoints_that_a_chiplet_addresses():
    accepted(chiplet__endpoints=1024, rack__endpoints=1024)
    refused("rack.endpoints", 1024, "must be at most chiplet.endpoints = 1023",
            chiplet__endpoints=1023)


def test_clos_radix_is_even():
    refused("rack.radix", 63, "must be even in a clos2", rack__radix=63)


def test_clos_endpoints_fill_whole_leaves_up_to_one_a_spine_port():
    accepted(rack__radix=64, rack__endpoints=32)
    refused("rack.endpoints", 1000, "takes a multiple of 32, at most 2048", rack__endpoints=1000)
    accepted(rack__radix=32, rack__endpoints=512)
    refused("rack.endpoints", 528, "takes a multiple of 16, at most 512",
            rack__radix=32, rack__endpoints=528)


def test_direct_rack_is_one_switch():
    accepted(rack__topology="direct", rack__radix=64, rack__endpoints=64)
    refused("rack.endpoints", 65, "one switch of rack.radix = 64 takes at most that many",
            rack__topology="direct", rack__radix=64, rack__endpoints=65)


@pytest.mark.parametrize("name", ["sim", "ecp5", "tera"])
def test_frame_with_its_heads_fits_a_tail_and_one_more_would_not(name):
    cfg = config.load(name)
    d, flits = cfg.derived, cfg.link.frame_flits
    used = (8 + d.count_bits + 2 * d.seq_bits + 1 + 2 + 2 + cfg.serdes.lanes
            + cfg.chiplet.vcs * d.credit_bits
            + flits * d.meta_bits + 32)
    assert used + d.frame_heads * d.head_bits <= d.flit_bits
    assert d.frame_heads == flits or used + (d.frame_heads + 1) * d.head_bits > d.flit_bits


@pytest.mark.parametrize("name", ["sim", "ecp5", "tera"])
def test_sequence_numbers_and_credits_are_wide_enough(name):
    cfg = config.load(name)
    d = cfg.derived
    assert 2**d.seq_bits == 2 * cfg.link.replay_flits
    assert 2**d.credit_bits > cfg.xbar.vc_depth
    assert 2**d.count_bits > cfg.link.frame_flits
