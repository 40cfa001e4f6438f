"""Host ingress, driven by cocotbext-axi."""

from lightloom.flow.cache import to_verilog
from lightloom.hdl.ingress import HostIngress
from lightloom.tb.runner import simulate
from lightloom.tb.tb_ingress import CFG


def test_host_ingress_passes_packets_and_cuts_off_breaches(tmp_path):
    verilog = to_verilog(HostIngress(CFG), name="host_ingress")
    simulate("host_ingress", "lightloom.tb.tb_ingress", {"host_ingress.v": verilog},
             folder=tmp_path)
