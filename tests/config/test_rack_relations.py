"""Relations of the rack's topologies and routings: both edges of each."""

import pytest
from test_relations import accepted, refused


def test_leaves_have_room_for_their_uplinks_and_spines_for_all_leaves():
    accepted(rack__endpoints=48, rack__radix=16, rack__switch_endpoints=12, rack__uplinks=4)
    refused("rack.uplinks", 5, "has room for 1 to 4", rack__endpoints=48, rack__radix=16,
            rack__switch_endpoints=12, rack__uplinks=5)
    refused("rack.spines", 3, "must divide the 4 fibres of a leaf", rack__endpoints=48,
            rack__radix=16, rack__switch_endpoints=12, rack__uplinks=4, rack__spines=3)
    # Two fibres from each leaf to each of two spines: 8 leaves at most.
    trunks = {"rack__radix": 16, "rack__switch_endpoints": 12, "rack__uplinks": 4,
              "rack__spines": 2}
    accepted(rack__endpoints=96, **trunks)
    refused("rack.endpoints", 108, "at most 96", rack__endpoints=108, **trunks)


@pytest.mark.parametrize("kind", ["butterfly", "torus", "mesh"])
def test_a_grid_has_dims_and_as_many_endpoints_as_its_switches_take(kind):
    shape = {"rack__topology": kind, "rack__dims": (3, 4), "rack__switch_endpoints": 2}
    accepted(rack__endpoints=24, **shape)
    refused("rack.endpoints", 25, "switches of dims (3, 4) with 2 each take 24",
            rack__endpoints=25, **shape)
    refused("rack.dims", (), f"must give the size of each dimension of a {kind}",
            rack__topology=kind, rack__endpoints=24)


@pytest.mark.parametrize(("kind", "ports"), [("butterfly", 2 + 1 + 3 + 4), ("torus", 2 + 1 + 2 + 2),
                                             ("mesh", 2 + 1 + 2 + 2)])
def test_a_switch_of_a_grid_has_a_port_for_each_of_its_fibres(kind, ports):
    shape = {"rack__topology": kind, "rack__dims": (2, 4, 5), "rack__switch_endpoints": 2,
             "rack__endpoints": 80}
    shape["chiplet__vcs"] = 2
    accepted(rack__radix=ports, **shape)
    refused("rack.radix", ports - 1, f"a switch has 2 endpoints and {ports - 2} fibres to others: "
            f"at least {ports}", rack__radix=ports - 1, **shape)


def test_a_torus_or_mesh_has_up_to_three_dimensions():
    for kind in ("torus", "mesh"):
        accepted(rack__topology=kind, rack__dims=(2, 2, 2), rack__endpoints=8)
        refused("rack.dims", (2, 2, 2, 2), f"a {kind} has 1 to 3 dimensions", rack__topology=kind,
                rack__dims=(2, 2, 2, 2), rack__endpoints=16)


def test_a_torus_has_a_vc_for_each_class():
    for dims, vcs in (((4, 4), 1), ((5, 4), 2), ((5, 8), 4)):
        shape = {"rack__topology": "torus", "rack__dims": dims,
                 "rack__endpoints": dims[0] * dims[1]}
        accepted(chiplet__vcs=vcs, **shape)
        if vcs > 1:
            refused("chiplet.vcs", vcs - 1, f"is free of deadlock with at least {vcs}",
                    chiplet__vcs=vcs - 1, **shape)


def test_a_topology_in_a_file_names_the_file():
    accepted(rack__topology="file", rack__file="mine.json")
    refused("rack.file", "", "must name a .json or .graphml file", rack__topology="file")


DETOURS = {"rack__topology": "butterfly", "rack__dims": (2, 2), "rack__endpoints": 4,
           "xbar__source_routing": True, "chiplet__vcs": 4}


@pytest.mark.parametrize("routing", ["valiant", "ugal"])
def test_routes_by_the_source_need_source_routing_and_where_there_is_a_choice(routing):
    detours = {**DETOURS, "rack__routing": routing, "xbar__ecmp": "occupancy"}
    accepted(**detours)
    accepted(rack__routing=routing, xbar__source_routing=True, xbar__ecmp="occupancy")
    refused("xbar.source_routing", False, f"must be true with rack.routing = '{routing}'",
            **{**detours, "xbar__source_routing": False})
    for kind in ("torus", "mesh", "direct", "file"):
        refused("rack.routing", routing,
                f"must be 'minimal' or 'ecmp' with rack.topology = '{kind}'",
                **{**detours, "rack__topology": kind, "rack__file": "a.json"})
    refused("chiplet.vcs", 3, "is free of deadlock with at least 4",
            **{**detours, "chiplet__vcs": 3})
    eight = {**detours, "chiplet__vcs": 8, "link__frame_flits": 8}
    accepted(**{**eight, "rack__dims": (2, 2, 2), "rack__endpoints": 8})
    refused("rack.dims", (2, 2, 2, 2), "at most 3 dimensions", **{
        **eight, "rack__dims": (2, 2, 2, 2), "rack__endpoints": 16})


def test_ugal_needs_crossbars_that_count_their_queues():
    accepted(**DETOURS, rack__routing="valiant", xbar__ecmp="hash")
    refused("xbar.ecmp", "hash", "must be 'occupancy' with rack.routing = 'ugal'", **DETOURS,
            rack__routing="ugal", xbar__ecmp="hash")


def test_planes_are_among_the_optical_ports():
    accepted(rack__planes=4)
    refused("rack.planes", 5, "must be at most chiplet.optical_ports = 4", rack__planes=5)
