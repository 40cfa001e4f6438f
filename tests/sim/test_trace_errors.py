"""A trace that cannot be used gives one line that says what to change."""

import pytest

from lightloom.config import load as load_config
from lightloom.config import override
from lightloom.sim.workload import DEFAULT_TRACE, TraceError, load
from lightloom.sim.workload.schema import Collective, NodeType
from lightloom.sim.workload.writer import make_node, write

COMP, COLL = NodeType.COMP_NODE, NodeType.COMM_COLL_NODE
SEND, RECV = NodeType.COMM_SEND_NODE, NodeType.COMM_RECV_NODE


def coll(number=1, kind=Collective.ALL_REDUCE, nbytes=64, deps=(), **more):
    return make_node(number, f"op{number}", COLL, data_deps=deps, comm_type=kind,
                     comm_size=nbytes, **more)


def message(path, **options):
    """The error of loading `path`, checked to be one line that names the path."""
    with pytest.raises(TraceError) as caught:
        load(path, load_config("sim"), **options)
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.fixture
def et(tmp_path):
    def one(*nodes, **metadata):
        write(tmp_path / "a.et", nodes, **metadata)
        return tmp_path / "a.et"
    return one


@pytest.fixture
def ranks(tmp_path):
    def several(*programs):
        for rank, nodes in enumerate(programs):
            write(tmp_path / f"r.{rank}.et", nodes)
        return tmp_path
    return several


def test_missing_file(tmp_path):
    path = tmp_path / "none.et"
    assert message(path) == (f"trace {path}: no such file or folder, "
                             "nor any rank file none.et.<rank>.et")


def test_folder_without_traces(tmp_path):
    assert message(tmp_path) == f"trace {tmp_path}: no .et file in this folder"


def test_unreadable_file(tmp_path):
    (tmp_path / "a.et").mkdir()
    assert message(tmp_path) == f"trace {tmp_path / 'a.et'}: cannot be read: Is a directory"


def test_empty_file(tmp_path):
    (tmp_path / "a.et").touch()
    assert message(tmp_path / "a.et") == (
        f"trace {tmp_path / 'a.et'}: empty file, expected a Chakra execution trace")


def test_metadata_without_nodes(et):
    path = et()
    assert message(path) == f"trace {path}: no nodes, expected at least one"


@pytest.mark.parametrize("content", [b"hello, this is not a trace\n", b"\x7fELF\x02\x01\x01",
                                     b"\xff" * 40, b"\x1f\x8b\x08\x00" + bytes(60)])
def test_other_files_are_not_traces(tmp_path, content):
    path = tmp_path / "a.et"
    path.write_bytes(content)
    assert message(path) == (f"trace {path}: not a Chakra execution trace: "
                             "it does not begin with GlobalMetadata")


def test_every_truncation_of_a_trace_is_noticed(et):
    whole = len(et(coll()).read_bytes())      # where a trace of one node would end
    path = et(coll(), coll(2))
    content, seen = path.read_bytes(), set()
    for size in set(range(1, len(content))) - {whole}:
        path.write_bytes(content[:size])
        seen.add(message(path, ranks=2).split(": ")[1])
    assert seen == {"truncated", "not a Chakra execution trace", "no nodes, expected at least one"}


def test_truncated_default_trace_names_the_record(tmp_path):
    path = tmp_path / "gpt.et"
    path.write_bytes(DEFAULT_TRACE.read_bytes()[:-3])
    text = message(path)
    assert "truncated: record " in text and "runs past the end of the file" in text


def test_a_broken_record_in_the_middle(tmp_path, et):
    path = et(coll(), coll(2))
    content = bytearray(path.read_bytes())
    at = content.index(b"op1") - 2
    content[at] = 0x17     # a wire type that does not exist
    path.write_bytes(content)
    assert "not a Chakra execution trace: record 1 at byte" in message(path)


def test_unknown_node_type(et):
    path = et(make_node(3, "odd", 42))
    assert message(path).startswith(
        f"trace {path}: node 3 (odd): type = 42: must be one of 0 INVALID_NODE, 1 METADATA_NODE")


def test_unknown_collective(et):
    path = et(coll(kind=23))
    assert message(path) == (
        f"trace {path}: node 1 (op1): comm_type = 23: must be one of 0 ALL_REDUCE, 1 REDUCE, "
        "2 ALL_GATHER, 3 GATHER, 4 SCATTER, 5 BROADCAST, 6 ALL_TO_ALL, 7 REDUCE_SCATTER, "
        "8 REDUCE_SCATTER_BLOCK, 9 BARRIER")


@pytest.mark.parametrize("nbytes", [0, -5])
def test_size_that_is_not_positive(et, nbytes):
    path = et(coll(nbytes=nbytes))
    assert message(path) == (
        f"trace {path}: node 1 (op1): comm_size = {nbytes}: must be > 0 bytes")


@pytest.mark.parametrize("name", ["comm_type", "comm_size"])
def test_missing_attribute(et, name):
    given = {"comm_type": 0, "comm_size": 8}
    del given[name]
    path = et(make_node(1, "op1", COLL, **given))
    assert message(path) == f"trace {path}: node 1 (op1): attribute {name}: missing, required"


def test_attribute_of_the_wrong_kind(et):
    path = et(coll(nbytes="big"))
    assert message(path) == f"trace {path}: node 1 (op1): comm_size = 'big': must be an integer"


def test_repeated_node(et):
    path = et(coll(), coll())
    assert message(path) == f"trace {path}: node 1 (op1): id: not unique"


@pytest.mark.parametrize("field", ["data_deps", "ctrl_deps"])
def test_dependency_on_a_missing_node(et, field):
    path = et(make_node(1, "c", COMP, **{field: [8]}))
    assert message(path) == f"trace {path}: node 1 (c): {field} = 8: no such node"


def test_cycle_of_dependencies(et):
    path = et(coll(1, deps=[2]), coll(2, deps=[3]), coll(3, deps=[1]))
    assert message(path) == (f"trace {path}: node 1 (op1): ctrl_deps, data_deps: "
                             "part of, or behind, a cycle of dependencies")


def test_cycle_between_ranks(ranks, tmp_path):
    (tmp_path / "groups.json").write_text('{"1": [0, 1], "2": [1, 0]}')
    first, second = {"pg_name": "1"}, {"pg_name": "2"}
    path = ranks([coll(1, **first), coll(2, deps=[1], **second)],
                 [coll(1, **second), coll(2, deps=[1], **first)])
    assert message(path).endswith("ranks wait for each other in a cycle of dependencies")


def test_missing_rank_file(ranks):
    path = ranks([coll()], [coll()], [coll()])
    (path / "r.1.et").unlink()
    expected = "2 rank files up to rank 2, but r.1.et is missing (1 missing in all)"
    assert message(path) == f"trace {path}: {expected}"
    assert message(path / "r") == f"trace {path / 'r'}: {expected}"


def test_two_traces_in_a_folder(ranks, et):
    path = ranks([coll()])
    et(coll())
    assert message(path) == (f"trace {path}: more than one trace in this folder "
                             "(a.et, r.0.et, ...): name a file or a prefix")


@pytest.mark.parametrize(("change", "field", "mine", "theirs"), [
    ({"nbytes": 65}, "comm_size", "64", "65"),
    ({"kind": Collective.ALL_GATHER}, "comm_type", repr(Collective.ALL_REDUCE),
     repr(Collective.ALL_GATHER)),
    ({"root_rank": 1}, "root_rank", "None", "1"),
])
def test_ranks_that_disagree_on_a_collective(ranks, change, field, mine, theirs):
    path = ranks([coll()], [coll(**change)])
    assert message(path) == (
        f"trace {path / 'r.1.et'}: node 1 (op1): {field} = {theirs}: ranks disagree on "
        f"collective 0 of group '': must be {mine} as on rank 0")


def test_rank_with_a_collective_too_few(ranks):
    path = ranks([coll(), coll(2)], [coll()])
    assert message(path) == (
        f"trace {path / 'r.1.et'}: ranks disagree: rank 1 has 1 collectives of group '', "
        "rank 0 has 2: node 2 (op2) has no match")


def send(**more):
    return make_node(1, "s", SEND, **{"comm_dst": 1, "comm_size": 8, **more})


def recv(**more):
    return make_node(1, "r", RECV, **{"comm_src": 0, "comm_size": 8, **more})


def test_send_without_a_receive(ranks):
    path = ranks([send()], [recv(comm_tag=3)])
    assert message(path) == (
        f"trace {path / 'r.0.et'}: node 1 (s): ranks disagree: rank 0 sends 1 times to rank 1 "
        "with comm_tag 0, which receives 0 times")


def test_send_and_receive_of_different_sizes(ranks):
    path = ranks([send()], [recv(comm_size=9)])
    assert message(path) == (f"trace {path / 'r.1.et'}: node 1 (r): comm_size = 9: "
                             "ranks disagree: must be 8 as sent by rank 0")


def test_send_to_a_rank_that_is_not_there(ranks):
    path = ranks([send(comm_dst=2)], [coll()])
    assert message(path) == (f"trace {path / 'r.0.et'}: node 1 (s): comm_dst = 2: "
                             "must be a rank, 0..1")


def test_send_in_a_trace_of_one_file(et):
    path = et(send())
    assert message(path).endswith("type = COMM_SEND_NODE: sends and receives need a trace with "
                                  "one file a rank")


def test_unknown_group(et):
    path = et(coll(pg_name="ep"), **{"ranks": 8, "group.tp": (4, 1)})
    assert message(path) == (f"trace {path}: node 1 (op1): pg_name = 'ep': "
                             "unknown process group, known: tp")


def test_rank_outside_its_group(ranks, tmp_path):
    (tmp_path / "r.json").write_text('{"5": [0]}')
    path = ranks([coll(pg_name="5")], [coll(pg_name="5")])
    assert message(path) == (f"trace {path / 'r.1.et'}: node 1 (op1): pg_name = '5': "
                             "rank 1 is not in this group")


def test_one_file_for_ranks_that_its_group_leaves_out(et, tmp_path):
    (tmp_path / "a.json").write_text('{"5": [0, 1]}')
    path = et(coll(pg_name="5"), ranks=3)
    assert "stands for all 3 ranks, and rank 2 is not in this group" in message(path)


def test_root_outside_the_group(et):
    path = et(coll(kind=Collective.BROADCAST, root_rank=9), ranks=4)
    assert message(path) == (f"trace {path}: node 1 (op1): root_rank = 9: "
                             "must be a rank of every group that does this collective")


@pytest.mark.parametrize(("text", "expected"), [
    ("{", "not valid JSON"),
    ("[1]", "must be an object of lists of ranks"),
    ('{"1": [0, 4]}', "group '1' = [0, 4]: must be a list of ranks, each 0..3"),
    ('{"1": []}', "group '1' = []: must be a list of ranks, each 0..3"),
    ('{"1": [2, 2]}', "group '1' = [2, 2]: names a rank twice"),
])
def test_bad_group_files(et, tmp_path, text, expected):
    (tmp_path / "groups.json").write_text(text)
    got = message(et(coll(), ranks=4))
    assert got.startswith(f"groups {tmp_path / 'groups.json'}: ") and expected in got


@pytest.mark.parametrize("rule", [(3, 1), (4, 4), (0, 1), (8,), "tp"])
def test_bad_group_rules(et, rule):
    path = et(coll(), **{"ranks": 8, "group.tp": rule})
    got = message(path)
    assert got.startswith(f"trace {path}: metadata group.tp = {rule!r}: ")
    assert "must divide the 8 ranks" in got or "must be two integers >= 1" in got


def test_more_ranks_than_endpoints(et, ranks):
    path = et(coll(), ranks=1025)
    assert message(path) == (f"trace {path}: 1025 ranks: the rack has rack.endpoints = 1024, "
                             "which must be at least as many")
    small = override(load_config("sim"), rack__topology="direct", rack__endpoints=2)
    folder = ranks([coll()], [coll()], [coll()])
    with pytest.raises(TraceError, match="3 ranks: the rack has rack.endpoints = 2"):
        load(folder / "r", small)


def test_ranks_that_contradict_the_files(ranks):
    path = ranks([coll()], [coll()])
    assert message(path, ranks=4) == f"trace {path}: ranks = 4: this trace has 2 rank files"


def test_rank_count_that_is_none(et):
    path = et(coll(), ranks="many")
    assert message(path) == f"trace {path}: ranks = 'many': must be an integer >= 1"
    assert message(path, ranks=0) == f"trace {path}: ranks = 0: must be an integer >= 1"


def test_trace_in_which_nothing_communicates(et):
    path = et(make_node(1, "kernel", COMP, micros=5))
    assert message(path, skip=0, ranks=2) == f"trace {path}: nothing communicates in it"


def test_skip_past_the_end(et):
    path = et(coll(), coll(2))
    assert message(path, skip=2, ranks=2) == (
        f"trace {path}: skip = 2: must be less than the 2 communications of this trace")
