"""The crossbar alone by its ports: area, what it delivers, and growth."""

import json

import pytest

from lightloom import config
from lightloom.flow import crossbars, synth
from lightloom.flow.axis_switch import FILES, AxisSwitch
from lightloom.flow.errors import CheckError, FlowError
from lightloom.tb.interop import PeerError

ECP5 = config.load("ecp5")


def test_crossbar_of_a_size_has_that_many_ports_and_bits_and_one_vc():
    cfg = crossbars.crossbar(ECP5, 8, 256)
    assert (cfg.name, cfg.derived.ports, cfg.derived.flit_bits, cfg.chiplet.vcs) == (
        "crossbar_8x256", 8, 256, 1)
    assert not cfg.xbar.multicast and not cfg.xbar.statistics and cfg.xbar.ecmp == "lowest"


@pytest.mark.parametrize("text", ["", "1,2", "65", "4,", "four"])
def test_ports_that_no_crossbar_has_are_refused(text):
    with pytest.raises(FlowError, match="must be numbers from 2 to 64"):
        crossbars.sizes(text)


def test_bits_that_no_flit_has_are_refused(tmp_path):
    with pytest.raises(FlowError, match="BITS=96: not one of"):
        crossbars.run(ECP5, [2], 96, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_saturation_of_two_ports_is_near_line_rate_for_single_flits_and_less_for_long_packets():
    shares = crossbars.saturation(crossbars.crossbar(ECP5, 2, 64), cycles=5_000)
    assert 0.9 < shares[1] <= 1 and 0.7 < shares[16] < shares[1]


def test_area_of_a_small_crossbar_is_measured(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    [row] = crossbars.run(ECP5, [2], seeds=0)
    assert row["area"]["lut4"] > 500 and row["area"]["bram"] == 2 * 2
    assert row["fmax_mhz"] == row["gbps"] == {} and row["does_not_fit"] == ""
    assert json.loads((tmp_path / "build/synth/crossbars_64.json").read_text())[0]["ports"] == 2
    assert "64 bits, crossbar with 64 slots" in capsys.readouterr().out


def test_delivered_is_ports_times_width_times_clock_times_saturation(monkeypatch, tmp_path):
    def fake(result, cfg, seeds, folder, console):
        ports = cfg.derived.ports
        result.area = dict.fromkeys(synth.CELLS, 1000 * ports)
        if ports == 4:
            result.does_not_fit = "too many"
            raise CheckError("too many")
        result.fmax_mhz = {"clk": [90.0, 110.0]}

    monkeypatch.setattr(crossbars, "measure_ours", fake)
    monkeypatch.setattr(crossbars, "saturation", lambda cfg: {1: 0.5, 16: 0.25})
    fits, large = crossbars.run(ECP5, [2, 4], seeds=2, folder=tmp_path)
    assert fits["gbps"] == {1: 6.4, 16: 3.2}          # 2 x 64 bits x 100 MHz x share
    assert fits["gbps_per_klut"] == {1: 3.2, 16: 1.6}
    assert large["gbps"] == {} and large["does_not_fit"] == "too many"
    assert "LUT4" in (tmp_path / "crossbars_64.html").read_text()


FAKE = """module axis_switch #(parameter S_COUNT = 4, M_COUNT = 4, DATA_WIDTH = 8, KEEP_ENABLE = 1,
  ID_ENABLE = 0, M_DEST_WIDTH = 1, USER_ENABLE = 1, USER_WIDTH = 1, S_REG_TYPE = 0, M_REG_TYPE = 2,
  ARB_TYPE_ROUND_ROBIN = 1) (
  input clk, rst, input [S_COUNT*DATA_WIDTH-1:0] s_axis_tdata,
  input [S_COUNT*DATA_WIDTH/8-1:0] s_axis_tkeep, input [S_COUNT-1:0] s_axis_tvalid,
  output [S_COUNT-1:0] s_axis_tready, input [S_COUNT-1:0] s_axis_tlast,
  input [8*S_COUNT-1:0] s_axis_tid, input [(1+$clog2(M_COUNT))*S_COUNT-1:0] s_axis_tdest,
  input [S_COUNT-1:0] s_axis_tuser, output [M_COUNT*DATA_WIDTH-1:0] m_axis_tdata,
  output [M_COUNT*DATA_WIDTH/8-1:0] m_axis_tkeep, output reg [M_COUNT-1:0] m_axis_tvalid,
  input [M_COUNT-1:0] m_axis_tready, output [M_COUNT-1:0] m_axis_tlast,
  output [8*M_COUNT-1:0] m_axis_tid, output [M_COUNT-1:0] m_axis_tdest, m_axis_tuser);
  reg [S_COUNT-1:0] after_last = 0;   // a dead cycle behind each packet
  assign s_axis_tready = ~after_last;
  always @(posedge clk) begin
    after_last <= s_axis_tready & s_axis_tlast;
    m_axis_tvalid <= s_axis_tvalid & s_axis_tready;
  end
endmodule
"""


def test_saturation_of_the_peer_counts_the_beats_that_leave_it(tmp_path):
    (tmp_path / "rtl").mkdir()
    for name in FILES:
        (tmp_path / "rtl" / name).write_text(FAKE if name == "axis_switch.v" else "")
    switch = AxisSwitch(tmp_path, 4, 64, tmp_path / "synth")
    assert switch.saturation(1, cycles=2_000) == pytest.approx(1 / 2, abs=0.002)
    assert switch.saturation(16, cycles=2_000) == pytest.approx(16 / 17, abs=0.02)


def test_peer_that_is_no_checkout_is_refused_before_anything_is_measured(tmp_path):
    with pytest.raises(PeerError, match="axis_switch.v is missing"):
        crossbars.run(ECP5, [2], peer=tmp_path / "missing", folder=tmp_path)
    assert list(tmp_path.iterdir()) == []
