"""Blocks from our adapter to a 10G PHY and back; every one must arrive unchanged."""

import os
import random
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge, ReadOnly, RisingEdge

BLOCKS = 2000
LEAD = 45         # markers before the first beat: time to slip to any phase by request
UNIT_PS = 100     # of a bit time, so that words of any width have periods of whole picoseconds
IDLE, PAD, MARKER, TAIL = 0x1E, 0x87, 0xFF, 0x78
LANE_0 = 0 | 0xFF << 8 | 0x0001 << 16
"""Of a marker: lane, its complement, `live`; bits 39:8."""
XGMII = {
    # Block type to what XGMII shows of it (IEEE 802.3 fig. 49-7): data and control bits.
    IDLE: lambda block: (0x0707070707070707, 0xFF),
    PAD: lambda block: (0x07070707070707FD, 0xFF),
    MARKER: lambda block: (0xFD << 56 | block >> 8, 0x80),
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


def marker(phase):
    """The peer's marker: its parity is not made, so it is counted as wrong there."""
    return MARKER | LANE_0 << 8 | phase << 40 | 0xFF << 56, 1


def rows(beats, period):
    """The peer's blocks: a marker, then `period` payload blocks, again and again.

    Idle blocks come anywhere, and pads behind whole beats.
    """
    queue, sent, phase = [block for beat in beats for block in beat], [], 0
    while queue:
        sent.append(marker(phase))
        for _ in range(period):
            if not queue or random.random() < 0.3:
                sent.append((random.choice((IDLE, PAD)) if phase == 0 else IDLE, 1))
            else:
                sent.append(queue.pop(0))
                phase ^= 1
    return sent


def without_markers(decoded, period):
    """Blocks of ours at the peer but for the markers, which must come when and as they should."""
    at = [k for k, (data, ctrl) in enumerate(decoded)
          if ctrl == 0x80 and data & 0xFFFFFFFF == LANE_0]
    assert len(at) > 30
    assert all(b - a == period + 1 for a, b in zip(at, at[1:], strict=False))
    payload, begun, markers = [], 0, set(at)
    for k, block in enumerate(decoded):
        if k not in markers:
            if block != xgmii(IDLE, 1):
                payload.append(block)
                begun ^= 1
            continue
        data = block[0]
        assert data >> 56 == 0xFD and data >> 32 & 0xFF == begun, f"phase of the marker {data:x}"
        assert data >> 40 & 0xFF ^ data >> 48 & 0xFF == 0xFF
    return payload


@cocotb.test()
async def exchange_blocks(dut):
    period = int(os.environ["MARKER_PERIOD"])
    await start(dut)
    decoded, received = [], []
    cocotb.start_soon(watch_xgmii(dut, decoded))
    cocotb.start_soon(watch_beats(dut, received))
    # Idles and markers first: both receivers must lock.
    lead = ([marker(0)] + [(IDLE, 1)] * period) * LEAD
    beats, back = random_beats(BLOCKS // 2), random_beats(BLOCKS // 2)
    returning = cocotb.start_soon(drive_xgmii(dut, lead + rows(back, period)
                                              + [(IDLE, 1)] * 200))
    await ClockCycles(dut.peer_clk, len(lead))
    assert dut.rx_block_lock.value == 1, "the peer does not lock to our lane"
    assert dut.aligned.value == 1, "our receiver does not align to the peer's lane"
    await send_beats(dut, beats)
    await returning
    await ClockCycles(dut.peer_clk, 200)

    arrived = without_markers(decoded, period)
    assert arrived == [xgmii(*block) for beat in beats for block in beat]
    assert received == [block for beat in back for block in beat]
    Path("counts.txt").write_text(f"{len(arrived)} {len(received)}\n")
