"""Drives the host ports of two chiplets with AXI-Stream sources and sinks, and checks what arrives.

The stimulus is `stimulus.json`, written by :mod:`lightloom.tb.pair_harness`.
"""

import json
import logging
import random
import time
from collections import defaultdict
from pathlib import Path

import cocotb
from cocotb.triggers import Timer
from cocotb.utils import get_sim_time
from cocotbext.axi import AxiStreamBus, AxiStreamFrame, AxiStreamSink, AxiStreamSource

from lightloom.tb.bench import hold_reset, release_reset

PERIOD = 2
UP = {5, 6, 7}    # ACTIVE, DEGRADED, SLEEP
STEP = 500
"""Cycles between two looks at what has arrived."""


class PairBench:
    """Sources and sinks on all host ports of both ends."""

    def __init__(self, dut, stimulus):
        self.dut, self.stimulus = dut, stimulus
        hosts = range(stimulus["hosts"])
        ports = [(end, h) for end in "ab" for h in hosts]
        self.sources = {p: self._attach(AxiStreamSource, "in", *p) for p in ports}
        self.sinks = {p: self._attach(AxiStreamSink, "out", *p) for p in ports}
        self.expected = defaultdict(list)
        self.sent = 0

    def _attach(self, kind, side, end, host):
        bus = AxiStreamBus.from_prefix(self.dut, f"{end}_{side}{host}")
        agent = kind(bus, self.dut.clk, self.dut.rst)
        agent.log.setLevel(logging.WARNING)
        if self.stimulus["pauses"]:
            agent.set_pause_generator(self._pauses())
        return agent

    def _pauses(self):
        while True:
            yield random.random() < self.stimulus["pauses"]

    def plan(self):
        """(cycle, source, packet) of all packets, in order."""
        packets = [(packet["cycle"], (end, host), packet)
                   for end, ports in zip("ab", self.stimulus["packets"], strict=True)
                   for host, port in enumerate(ports) for packet in port]
        return sorted(packets, key=lambda entry: entry[0])

    def send(self, source, packet):
        data = bytes.fromhex(packet["data"])
        user = [packet["vc"]] * len(data)
        user[-1] |= packet["error"] << self.stimulus["vc_bits"]
        self.sources[source].send_nowait(
            AxiStreamFrame(data, tid=packet["src"], tdest=packet["dst"], tuser=user))
        # One flow is one source, destination and VC, and must come from one host port: its order
        # is kept.
        self.expected[packet["src"], packet["dst"], packet["vc"]].append(data)
        self.sent += 1

    def check(self):
        """All packets sent have arrived, each flow in order and unchanged."""
        arrived = 0
        mask = (1 << self.stimulus["vc_bits"]) - 1
        for port, sink in self.sinks.items():
            while not sink.empty():
                frame = sink.recv_nowait(compact=False)
                data = bytes(b for b, keep in zip(frame.tdata, frame.tkeep, strict=True) if keep)
                src, dst, user = frame.tid[0], frame.tdest[0], frame.tuser[0]
                flow = self.expected[src, dst, user & mask]
                assert flow, f"port {port}: a packet from {src} to {dst} not sent, or seen twice"
                want = flow.pop(0)
                assert data == want, (
                    f"port {port}: packet from {src} to {dst}, VC {user & mask}: "
                    f"expected {want.hex()}, seen {data.hex()}")
                arrived += 1
        missing = {flow: len(rest) for flow, rest in self.expected.items() if rest}
        assert not missing, f"packets lost, by (source, destination, VC): {missing}"
        assert arrived == self.sent

    def all_arrived(self):
        return sum(sink.count() for sink in self.sinks.values()) >= self.sent

    def states(self):
        """Link state of each joined port of both ends."""
        return {f"{end}{p}": int(getattr(self.dut, f"{end}_status{p}").value[3:0])
                for end in "ab" for p in range(self.stimulus["joined"])}


async def report_cycle(dut):
    """Say how far the run is, for whoever waits for it."""
    while True:
        await Timer(100 * PERIOD, unit="ns")
        Path("cycle.txt").write_text(str(dut.cycle.value.to_unsigned()))


@cocotb.test()
async def carry_packets(dut):
    stimulus = json.loads(Path("stimulus.json").read_text())
    await hold_reset(dut, period_ns=PERIOD)
    bench = PairBench(dut, stimulus)
    await release_reset(dut)
    began = time.monotonic()
    cocotb.start_soon(report_cycle(dut))
    origin = get_sim_time("ns")     # in the middle of cycle 0

    async def until(cycle):
        wait = origin + PERIOD * cycle - get_sim_time("ns")
        if wait > 0:
            await Timer(wait, unit="ns")

    await until(stimulus["start"] - 1)
    states = bench.states()
    assert set(states.values()) <= UP, f"links not up at {stimulus['start']}: {states}"
    # A frame queued in the middle of a cycle is offered in the next one.
    for cycle, source, packet in bench.plan():
        assert cycle >= stimulus["start"], "packets are offered after bring-up"
        await until(cycle - 1)
        bench.send(source, packet)
    for cycle in range(stimulus["start"], stimulus["cycles"], STEP):
        await until(cycle)
        if stimulus["check"] and bench.all_arrived():
            break
    else:
        await until(stimulus["cycles"])
    names = [f"{end}_{kind}{p}" for end in "ab"
             for kind, count in (("status", stimulus["joined"]), ("errors", stimulus["joined"]),
                                 ("host", stimulus["hosts"])) for p in range(count)]
    Path("status.json").write_text(json.dumps(
        {**{name: str(getattr(dut, name).value) for name in names},
         "seconds": time.monotonic() - began}))
    if stimulus["check"]:
        bench.check()
