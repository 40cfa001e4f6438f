"""Host ingress, driven by cocotbext-axi."""

from lightloom import config
from lightloom.flow.cache import to_verilog
from lightloom.hdl.ingress import HostIngress
from lightloom.tb.runner import simulate


def test_host_ingress_passes_packets_and_cuts_off_breaches(tmp_path):
    verilog = to_verilog(HostIngress(config.load("sim")), name="host_ingress")
    simulate("host_ingress", "lightloom.tb.tb_ingress", {"host_ingress.v": verilog},
             folder=tmp_path)
