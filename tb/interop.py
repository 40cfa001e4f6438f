"""Our adapter against verilog-ethernet's 10G PHY (10GBASE-R, IEEE 802.3 cl. 49), both ways.

A port of one lane at 10.3125 Gb/s. The peer stays outside the repository.

Our control blocks are blocks of cl. 49 too, so the peer's decoder can be held to every bit:
`IDLE` is eight idles, `MARKER` seven bytes and the end of a frame, `PAD` the end of a frame,
`TAIL` a start of frame.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

from lightloom import config
from lightloom.hdl.export import to_verilog
from lightloom.hdl.serdes.layer import AdapterRx, AdapterTx
from lightloom.hdl.serdes.types import RxControl, TxControl

from .bench import VERILOG
from .runner import BUILD, simulate

LINE_GBPS = 10.3125
WORD_BITS = (66, 64, 32)
"""Transceiver words tried on our side; the peer's are a block, 66 bits."""
SLIPS = ("gearbox", "request")
FILES = ("eth_phy_10g_rx.v", "eth_phy_10g_rx_if.v", "eth_phy_10g_rx_frame_sync.v",
         "eth_phy_10g_rx_ber_mon.v", "eth_phy_10g_rx_watchdog.v", "xgmii_baser_dec_64.v",
         "eth_phy_10g_tx.v", "eth_phy_10g_tx_if.v", "xgmii_baser_enc_64.v", "lfsr.v")

HARNESS = """// Generated harness: an adapter of one lane, a 10G PHY, and their transceivers.
module interop_harness (input clk, input rst, input peer_clk);
  reg tx_valid = 0; reg [129:0] tx_beat = 0; wire tx_ready;
  wire [{word}:0] tx_word, rx_word;
  wire rx_valid, aligned, rx_slip; wire [131:0] rx_beat;
  adapter_tx ours_tx (.clk(clk), .rst(rst), .tx_clk(clk), .i__valid(tx_valid),
    .i__ready(tx_ready), .i__payload(tx_beat), .words(tx_word), .control({tx_control}'b0));
  adapter_rx ours_rx (.clk(clk), .rst(rst), .rx_clk__0(clk), .words(rx_word), .rx_signal(1'b1),
    .rx_slip(rx_slip), .control({rx_control}'b0), .valid(rx_valid), .beat(rx_beat),
    .aligned(aligned));
  wire [63:0] xgmii_rxd; wire [7:0] xgmii_rxc;
  wire slip, rx_bad_block, rx_block_lock;
  reg [63:0] xgmii_txd = 0; reg [7:0] xgmii_txc = 0;
  wire [65:0] to_peer, from_peer;
  bit_pipe #(.IN({width}), .OUT(66), .SKIP(17)) out_pipe (.rst(rst), .in_clk(clk), .in(tx_word),
    .out_clk(peer_clk), .slip(slip), .out(to_peer));
  bit_pipe #(.IN(66), .OUT({width}), .SKIP(5)) in_pipe (.rst(rst), .in_clk(peer_clk),
    .in(from_peer), .out_clk(clk), .slip(rx_slip), .out(rx_word));
  eth_phy_10g_rx peer_rx (.clk(peer_clk), .rst(rst), .xgmii_rxd(xgmii_rxd), .xgmii_rxc(xgmii_rxc),
    .serdes_rx_data(to_peer[65:2]), .serdes_rx_hdr(to_peer[1:0]), .serdes_rx_bitslip(slip),
    .serdes_rx_reset_req(), .rx_error_count(), .rx_bad_block(rx_bad_block),
    .rx_sequence_error(), .rx_block_lock(rx_block_lock), .rx_high_ber(), .rx_status(),
    .cfg_rx_prbs31_enable(1'b0));
  eth_phy_10g_tx peer_tx (.clk(peer_clk), .rst(rst), .xgmii_txd(xgmii_txd), .xgmii_txc(xgmii_txc),
    .serdes_tx_data(from_peer[65:2]), .serdes_tx_hdr(from_peer[1:0]), .tx_bad_block(),
    .cfg_tx_prbs31_enable(1'b0));
endmodule
"""


class PeerError(Exception):
    """A checkout that is not usable as a peer; its text is one line for the user."""


@dataclass(frozen=True)
class Exchange:
    """What one run showed."""

    word_bits: int
    slip: str
    to_peer: int      # blocks of ours that the peer decoded
    from_peer: int    # blocks of the peer that our adapter gave
    folder: Path


def lane_config(word_bits: int, slip: str = "gearbox"):
    """A port of one lane at 10GBASE-R's line rate, with words of `word_bits`."""
    least = LINE_GBPS * 1000 / 66 * 1.001
    return config.override(
        config.load("ecp5"), serdes__lanes=1, serdes__word_bits=word_bits, serdes__slip=slip,
        serdes__lane_gbps=LINE_GBPS, chiplet__core_mhz=max(least, LINE_GBPS * 1000 / word_bits),
        serdes__marker_period=64, serdes__deskew_blocks=16)


def peer_sources(peer: Path) -> list[Path]:
    """The Verilog files of a verilog-ethernet checkout that the PHY consists of.

    Raises
    ------
    PeerError
    """
    if not peer.is_dir():
        raise PeerError(f"PEER={peer}: no such folder; it must be a checkout of verilog-ethernet")
    missing = [name for name in FILES if not (peer / "rtl" / name).is_file()]
    if missing:
        raise PeerError(f"PEER={peer}: rtl/{missing[0]} is missing; it must be a checkout of "
                        "verilog-ethernet")
    return [(peer / "rtl" / name).resolve() for name in FILES]


def exchange(peer: Path, word_bits: int, slip: str = "gearbox", *, seed: int | None = None,
             folder: Path | None = None) -> Exchange:
    """Exchange random blocks with the peer both ways under Icarus, words of `word_bits` bits.

    `slip` as in the configuration: who slips the bits of our receiver.

    Raises
    ------
    PeerError
    SimulationError
        A block is lost or altered on the way, or a receiver does not lock.
    """
    sources = peer_sources(peer)
    cfg = lane_config(word_bits, slip)
    folder = (folder or BUILD / f"interop-{word_bits}-{slip}").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    ours = {"adapter_tx.v": to_verilog(AdapterTx(cfg), name="adapter_tx"),
            "adapter_rx.v": to_verilog(AdapterRx(cfg), name="adapter_rx"),
            "harness.v": HARNESS.format(
                word=word_bits - 1, width=word_bits, tx_control=TxControl(cfg).size,
                rx_control=RxControl(cfg).size),
            "bit_pipe.v": (VERILOG / "bit_pipe.v").read_text()}
    for name, text in ours.items():
        (folder / name).write_text(text)
    simulate("interop_harness", "lightloom.tb.tb_interop",
             [*(folder / name for name in ours), *sources], folder=folder, name=folder.name,
             seed=seed, env={"WORD_BITS": str(word_bits),
                             "MARKER_PERIOD": str(cfg.serdes.marker_period)})
    to_peer, from_peer = map(int, (folder / "counts.txt").read_text().split())
    return Exchange(word_bits, slip, to_peer, from_peer, folder)


def run(peer: Path) -> None:
    """Exchange blocks with the peer for each of WORD_BITS and SLIPS, and print how many."""
    peer_sources(peer)
    for word_bits, slip in itertools.product(WORD_BITS, SLIPS):
        done = exchange(peer, word_bits, slip)
        print(f"words of {word_bits} bits, slip by {slip}: "
              f"{done.to_peer:,} blocks to eth_phy_10g_rx, "
              f"{done.from_peer:,} from eth_phy_10g_tx: none lost or altered")
