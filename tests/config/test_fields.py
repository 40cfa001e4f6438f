"""Fields of a configuration: each wrong one gives one line with field, value, what is allowed."""

import pytest

from lightloom import config
from lightloom.config import ConfigError

SIM = config.load("sim")
DATA = SIM.model_dump()


def message(**changes) -> str:
    """The error of `sim` with fields replaced; it must be one line."""
    with pytest.raises(ConfigError) as caught:
        config.override(SIM, **changes)
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize("name", ["sim", "ecp5", "tera"])
def test_shipped_profile_loads_under_its_own_name(name):
    assert config.load(name).name == name


def test_profiles_lists_what_ships():
    assert config.profiles() == ["ecp5", "sim", "tera"]


def test_toml_file_loads_by_path(tmp_path):
    path = tmp_path / "mine.toml"
    source = config.loading.resources.files("lightloom.config") / "profiles" / "sim.toml"
    path.write_text(source.read_text().replace('name = "sim"', 'name = "mine"'))
    assert config.load(path).chiplet == SIM.chiplet
    assert config.load(str(path)).name == "mine"


@pytest.mark.parametrize(("field", "low", "high"), [
    ("chiplet__host_ports", 0, 64), ("chiplet__optical_ports", 0, 64), ("chiplet__vcs", 1, 8),
    ("chiplet__endpoints", 2, 4096), ("serdes__lanes", 1, 16), ("serdes__marker_period", 16, 65536),
    ("serdes__deskew_blocks", 4, 256), ("serdes__clock_ppm", 0, 1000), ("link__frame_flits", 1, 64),
    ("link__replay_flits", 8, 8192), ("link__keepalive_cycles", 16, 65536),
    ("link__replay_limit", 2, 255), ("link__lane_budget", 1, 65535),
    ("link__lane_retry_cycles", 1024, 1_048_576),
    ("xbar__vc_depth", 4, 8192), ("xbar__max_packet_flits", 1, 1024),
    ("xbar__egress_depth", 8, 64), ("xbar__iterations", 1, 4), ("xbar__voq_limit", 0, 8192),
    ("xbar__hold_cycles", 1, 1_048_576), ("rack__endpoints", 2, 4096), ("rack__radix", 2, 64),
])
def test_number_outside_its_range_names_field_value_and_range(field, low, high):
    name = field.replace("__", ".")
    for value in (low - 1, high + 1, -1):
        text = message(**{field: value})
        assert f"{name} = {value!r}" in text or f"{name} = {float(value)!r}" in text
        assert f"allowed: >= {low}" in text and f"<= {high}" in text


@pytest.mark.parametrize(("field", "high"), [
    ("chiplet__core_mhz", 5000), ("serdes__lane_gbps", 256), ("rack__fibre_m", 2000)])
def test_rate_or_length_must_be_positive_and_bounded(field, high):
    for value in (0, -1.5, high + 1):
        text = message(**{field: value})
        assert f"{field.replace('__', '.')} = {value!r}" in text
        assert f"allowed: > 0 and <= {high}" in text


def test_zero_lanes_names_field_and_range():
    text = message(serdes__lanes=0)
    assert text.startswith("config sim: serdes.lanes = 0:")
    assert text.endswith("(allowed: >= 1 and <= 16)")


@pytest.mark.parametrize(("field", "value", "allowed"), [
    ("chiplet__flit_bytes", 24, "8, 16, 32 or 64"),
    ("serdes__word_bits", 48, "16, 20, 32, 40, 64 or 66"),
    ("serdes__slip", "none", "'gearbox' or 'request'"),
    ("serdes__fec", "rs528", "'none', 'rs152' or 'rs544'"),
    ("serdes__diagnostics", "yes", "valid boolean"),
    ("xbar__stages", 3, "1 or 2"), ("xbar__queues", "list", "'voq' or 'fifo'"),
    ("xbar__ecmp", "random", "'hash', 'occupancy' or 'lowest'"),
    ("xbar__multicast", 1, "valid boolean"), ("xbar__source_routing", "no", "valid boolean"),
    ("xbar__statistics", 0, "valid boolean"),
    ("rack__topology", "ring", "'clos2', 'direct'")])
def test_choice_lists_what_is_allowed(field, value, allowed):
    text = message(**{field: value})
    assert f"{field.replace('__', '.')} = {value!r}" in text
    assert allowed in text


@pytest.mark.parametrize(("field", "value"), [
    ("serdes__lanes", "four"), ("serdes__lanes", 4.0), ("serdes__lanes", True),
    ("serdes__lanes", [4]), ("chiplet__core_mhz", "fast"), ("rack__fibre_m", None),
    ("chiplet__flit_bytes", "32"), ("rack__topology", 2)])
def test_wrong_type_names_field_and_value(field, value):
    assert f"{field.replace('__', '.')} = {value!r}: input should be" in message(**{field: value})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("field", ["chiplet__core_mhz", "serdes__lane_gbps", "rack__fibre_m"])
def test_number_that_is_not_finite_is_refused(field, value):
    assert f"{field.replace('__', '.')} = {value!r}" in message(**{field: value})


@pytest.mark.parametrize("name", ["", "Sim", "2x", "a-b", "../x", "a\n"])
def test_name_must_be_usable_as_a_folder(name):
    text = message(name=name)
    assert f"name = {name!r}" in text
    assert "pattern" in text


def test_unknown_field_is_named():
    assert message(serdes__lane=4) == "config sim: serdes.lane = 4: no such field"


def test_unknown_section_is_named():
    with pytest.raises(ConfigError, match=r"^config <dict>: optics = \{\}: no such field$"):
        config.build({**DATA, "optics": {}})


def test_missing_field_is_named():
    data = {**DATA, "link": {k: v for k, v in DATA["link"].items() if k != "replay_flits"}}
    with pytest.raises(ConfigError) as caught:
        config.build(data)
    assert str(caught.value) == "config <dict>: link.replay_flits: missing, required"


@pytest.mark.parametrize("section", ["name", "chiplet", "serdes", "link", "xbar", "rack"])
def test_missing_section_is_named(section):
    with pytest.raises(ConfigError, match=f"^config <dict>: {section}: missing, required$"):
        config.build({k: v for k, v in DATA.items() if k != section})


def test_section_that_is_no_table_is_named():
    with pytest.raises(ConfigError, match=r"^config <dict>: serdes = 4: "):
        config.build({**DATA, "serdes": 4})


def test_empty_file_names_the_first_missing_field():
    with pytest.raises(ConfigError, match="^config mine: name: missing, required$"):
        config.loads("", origin="mine")


def test_bad_toml_names_the_place():
    with pytest.raises(ConfigError, match=r"^config mine: not valid TOML: .*line 2") as caught:
        config.loads("name = 'a'\nlanes = = 4\n", origin="mine")
    assert "\n" not in str(caught.value)


def test_unknown_profile_lists_the_known_ones():
    with pytest.raises(ConfigError) as caught:
        config.load("simm")
    assert str(caught.value) == "profile 'simm': not one of ecp5, sim, tera, nor a .toml file"


def test_missing_file_is_one_line_with_its_name(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read: .*No such file"):
        config.load(tmp_path / "none.toml")


def test_folder_in_place_of_a_file_is_one_line(tmp_path):
    (tmp_path / "a.toml").mkdir()
    with pytest.raises(ConfigError, match=r"a\.toml: cannot be read: "):
        config.load(tmp_path / "a.toml")


def test_file_that_is_not_text_is_one_line(tmp_path):
    (tmp_path / "a.toml").write_bytes(b"name = '\xff\xfe'")
    with pytest.raises(ConfigError, match=r"a\.toml: cannot be read: .*utf-8"):
        config.load(tmp_path / "a.toml")


def test_configuration_cannot_be_changed_in_place():
    with pytest.raises(ValueError, match="frozen"):
        SIM.serdes.lanes = 8
