"""Host ingress alone: good packets become flits, breaches of AXI4-Stream use are cut off."""

import logging

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge
from cocotbext.axi import AxiStreamBus, AxiStreamFrame, AxiStreamSource

from lightloom import config
from lightloom.tb.bench import hold_reset, release_reset
from lightloom.tb.flits import FlitCodec

NONE, FULL, PARTIAL, ABORT = range(4)


CFG = config.override(config.load("sim"), chiplet__vcs=3)
"""Three VCs, so that a fourth can be asked for."""


class IngressBench:
    """Source on the AXI side; on the flit side a consumer that returns each credit at once."""

    def __init__(self, dut):
        self.dut = dut
        self.cfg = CFG
        self.codec = FlitCodec(self.cfg)
        self.source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "i_"), dut.clk, dut.rst)
        self.source.log.setLevel(logging.WARNING)
        self.flits = []
        self.owed = []
        self.hold = False
        dut.o__credit.value = 0

    @classmethod
    async def begin(cls, dut):
        await hold_reset(dut)
        bench = cls(dut)
        await release_reset(dut)
        cocotb.start_soon(bench._consume())
        return bench

    async def _consume(self):
        while True:
            await RisingEdge(self.dut.clk)
            credit = 0
            if self.dut.o__valid.value == 1:
                flit = self.codec.unpack(self.dut.o__flit.value.to_unsigned())
                self.flits.append(flit)
                self.owed.append(flit.vc)
            if self.owed and not self.hold:
                credit = 1 << self.owed.pop(0)
            self.dut.o__credit.value = credit

    async def send(self, data, *, vc=0, keep=None, error=False, src=5, dst=9):
        user = [vc] * len(data)
        user[-1] |= error << self.cfg.derived.vc_bits
        self.source.send_nowait(AxiStreamFrame(data, tkeep=keep, tid=src, tdest=dst, tuser=user))
        await self.source.wait()
        await ClockCycles(self.dut.clk, 3)
        got, self.flits = self.flits, []
        return got

    @property
    def bad_packets(self):
        return self.dut.counters.value.to_unsigned()


@cocotb.test()
async def whole_flits_end_full_and_a_rest_ends_partial(dut):
    bench = await IngressBench.begin(dut)
    for size in (1, 31, 32, 33, 64, 100):
        data = bytes(range(1, size + 1))
        flits = await bench.send(data, vc=1, src=7, dst=1000)
        assert [f.first for f in flits] == [1] + [0] * (len(flits) - 1)
        last = PARTIAL if size % 32 else FULL
        assert [f.end for f in flits] == [NONE] * (len(flits) - 1) + [last]
        assert (flits[0].src, flits[0].dst) == (7, 1000)
        assert all((f.vc, f.src, f.dst) == (1, 0, 0) for f in flits[1:])
        payload = b"".join(f.payload.to_bytes(32, "little") for f in flits)
        if size % 32:
            assert payload[-1] == size % 32
            assert payload[:-1] == data.ljust(len(payload) - 1, b"\0")
        else:
            assert payload == data
    assert bench.bad_packets == 0


@cocotb.test()
async def a_hole_in_tkeep_aborts_the_packet(dut):
    bench = await IngressBench.begin(dut)
    keep = [1] * 96
    keep[40] = 0
    flits = await bench.send(bytes(96), keep=keep)
    assert [f.end for f in flits] == [NONE, ABORT]
    keep = [1] * 96
    keep[70] = 0
    flits = await bench.send(bytes(96), keep=keep)
    assert [f.end for f in flits] == [NONE, NONE, ABORT]
    assert bench.bad_packets == 2


@cocotb.test()
async def a_bad_first_beat_drops_the_whole_packet(dut):
    bench = await IngressBench.begin(dut)
    assert await bench.send(bytes(96), keep=[0] + [1] * 95) == []
    assert await bench.send(bytes(32), error=True) == []
    assert await bench.send(bytes(96), vc=3) == []
    assert await bench.send(bytes(32), keep=[0] * 31 + [1]) == []
    assert bench.bad_packets == 4
    assert [f.end for f in await bench.send(bytes(64))] == [NONE, FULL]


@cocotb.test()
async def the_error_bit_aborts_the_packet(dut):
    bench = await IngressBench.begin(dut)
    flits = await bench.send(bytes(64), error=True)
    assert [f.end for f in flits] == [NONE, ABORT]
    assert bench.bad_packets == 1


@cocotb.test()
async def a_packet_longer_than_the_maximum_is_cut(dut):
    bench = await IngressBench.begin(dut)
    longest = bench.cfg.xbar.max_packet_flits
    flits = await bench.send(bytes(32 * longest))
    assert [f.end for f in flits] == [NONE] * (longest - 1) + [FULL]
    flits = await bench.send(bytes(32 * (longest + 3)))
    assert [f.end for f in flits] == [NONE] * (longest - 1) + [ABORT]
    assert bench.bad_packets == 1


@cocotb.test()
async def without_credits_the_host_waits_and_nothing_is_lost(dut):
    bench = await IngressBench.begin(dut)
    bench.hold = True
    depth, packet = bench.cfg.xbar.vc_depth, bytes(32)
    for _ in range(depth + 5):
        bench.source.send_nowait(AxiStreamFrame(packet, tid=1, tdest=2, tuser=0))
    await ClockCycles(dut.clk, depth + 50)
    assert len(bench.flits) == depth
    assert dut.i__tready.value == 0
    bench.hold = False
    await ClockCycles(dut.clk, 20)
    assert len(bench.flits) == depth + 5
