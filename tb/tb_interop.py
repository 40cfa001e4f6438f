"""Blocks from our adapter to a 10G PHY and back; every one must arrive unchanged."""

import os
import random
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge, ReadOnly, RisingEdge

BLOCKS = 2000
UNIT_PS = 100     # of a bit time, so that words of any width have periods of whole picoseconds
IDLE, MARKER, TAIL = 0x1E, 0x4B, 0x78
LANE_0 = MARKER | 0xFF << 16
XGMII = {
    # Block type to what XGMII shows of it (IEEE 802.3 fig. 49-7): data and control bits.
    IDLE: lambda block: (0x0707070707070707, 0xFF),
    MARKER: lambda block: (0x0707070700000000 | block & 0xFFFFFF00 | 0x9C, 0xF1),
    TAIL: lambda block: (block & ~0xFF | 0xFB, 0x01),
}


def xgmii(block, ctrl):
    return XGMII[block & 0xFF](block) if ctrl else (block, 0)


def random_beats(count):
    """Beats of two blocks: flits, and tails with a flit behind them."""
    return [((random.getrandbits(56) << 8 | TAIL, 1) if random.random() < 0.2
             else (random.getrandbits(64), 0), (random.getrandbits(64), 0)) for _ in range(count)]


async def send_beats(dut, beats):
    """Offer beats to our transmitter, with gaps."""
    for beat in beats:
        while random.random() < 0.3:
            await RisingEdge(dut.clk)
        await FallingEdge(dut.clk)
        dut.tx_beat.value = sum(
            (data | ctrl << 64) << 65 * k for k, (data, ctrl) in enumerate(beat))
        dut.tx_valid.value = 1
        await ReadOnly()
        while not dut.tx_ready.value:
            await FallingEdge(dut.clk)
            await ReadOnly()
        await FallingEdge(dut.clk)
        dut.tx_valid.value = 0


async def watch_xgmii(dut, seen):
    """Record what the peer decodes once it has locked; a bad block is an error."""
    while not dut.rx_block_lock.value:
        await RisingEdge(dut.peer_clk)
    await ClockCycles(dut.peer_clk, 8)
    while True:
        await FallingEdge(dut.peer_clk)
        assert dut.rx_block_lock.value == 1 and dut.rx_bad_block.value == 0
        seen.append((dut.xgmii_rxd.value.to_unsigned(), dut.xgmii_rxc.value.to_unsigned()))


async def drive_xgmii(dut, blocks):
    for block in blocks:
        await FallingEdge(dut.peer_clk)
        dut.xgmii_txd.value, dut.xgmii_txc.value = xgmii(*block)


async def watch_beats(dut, seen):
    while True:
        await FallingEdge(dut.clk)
        if dut.rx_valid.value:
            beat = dut.rx_beat.value.to_unsigned()
            for block in (beat & (1 << 66) - 1, beat >> 66):
                assert not block >> 65, "our receiver flags a block of the peer"
                seen.append((block & (1 << 64) - 1, block >> 64 & 1))


async def start(dut):
    word = int(os.environ["WORD_BITS"])
    dut.rst.value = 1
    Clock(dut.clk, word * UNIT_PS, unit="ps").start()
    Clock(dut.peer_clk, 66 * UNIT_PS, unit="ps").start()
    # The peer's encoder holds X until its inputs change.
    dut.xgmii_txd.value, dut.xgmii_txc.value = 0, 0
    await ClockCycles(dut.peer_clk, 4)
    dut.xgmii_txd.value, dut.xgmii_txc.value = xgmii(IDLE, 1)
    await ClockCycles(dut.peer_clk, 4)
    await FallingEdge(dut.clk)
    dut.rst.value = 0


def rows(beats, period):
    """The peer's blocks: a marker, then `period` payload blocks, again and again."""
    queue, sent = list(beats), []
    while queue:
        sent.append((LANE_0, 1))
        for _ in range(period // 2):
            idles = not queue or random.random() < 0.3
            sent += [(IDLE, 1)] * 2 if idles else queue.pop(0)
    return sent


@cocotb.test()
async def exchange_blocks(dut):
    period = int(os.environ["MARKER_PERIOD"])
    await start(dut)
    decoded, received = [], []
    cocotb.start_soon(watch_xgmii(dut, decoded))
    cocotb.start_soon(watch_beats(dut, received))
    # Idles and markers first: both receivers must lock.
    lead = ([(LANE_0, 1)] + [(IDLE, 1)] * period) * 30
    beats, back = random_beats(BLOCKS // 2), random_beats(BLOCKS // 2)
    returning = cocotb.start_soon(drive_xgmii(dut, lead + rows(back, period)
                                              + [(IDLE, 1)] * 200))
    await ClockCycles(dut.peer_clk, len(lead))
    assert dut.rx_block_lock.value == 1, "the peer does not lock to our lane"
    assert dut.aligned.value == 1, "our receiver does not align to the peer's lane"
    await send_beats(dut, beats)
    await returning
    await ClockCycles(dut.peer_clk, 200)

    idle = xgmii(IDLE, 1)
    markers = [k for k, block in enumerate(decoded) if block == xgmii(LANE_0, 1)]
    assert len(markers) > 30
    assert all(b - a == period + 1 for a, b in zip(markers, markers[1:], strict=False))
    arrived = [block for block in decoded if block not in (idle, xgmii(LANE_0, 1))]
    assert arrived == [xgmii(*block) for beat in beats for block in beat]
    assert received == [block for beat in back for block in beat]
    Path("counts.txt").write_text(f"{len(arrived)} {len(received)}\n")
