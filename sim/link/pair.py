"""One link by itself: a source and a consumer at each end."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from ..flits import dst_of, end_of, first_of, pack, src_of, tag_of, vc_of
from ..wires import make_wires, put_credit, put_flit, take_credit, take_flit
from .errors import set_ber
from .lossy import set_lossy
from .model import link_step
from .state import make_links


class LinkRun(NamedTuple):
    """`delivered[end]`: (cycle, vc, first, end, src, dst, tag) of each flit that left `end`'s
    `o`, in order; `cycle` is the one in which `o.valid` is 1. `replay`: REPLAY of each end."""

    delivered: list[list[tuple[int, ...]]]
    replay: np.ndarray


@njit(cache=True)
def _run(state, wires, order, offers, offered, credits, seen, seen_at, hold, cycles):
    """Step ends and their surroundings; how many flits each end delivered."""
    sent, got, returned = np.zeros(2, np.int64), np.zeros(2, np.int64), np.zeros(2, np.int64)
    for cycle in range(cycles):
        for end in order:
            link_step(state, wires, end, cycle)
        for end in range(2):
            pulses = take_credit(wires, state.ends[end].input, cycle)
            for vc in range(credits.shape[1]):
                credits[end, vc] += pulses >> vc & 1
            at = sent[end]
            if at < offered[end] and offers[end, at, 0] <= cycle + 1:
                flit = offers[end, at, 1]
                if credits[end, vc_of(flit)]:
                    credits[end, vc_of(flit)] -= 1
                    put_flit(wires, state.ends[end].input, cycle + 1, flit)
                    sent[end] += 1
            flit = take_flit(wires, state.ends[end].output, cycle)
            if flit >= 0:
                seen[end, got[end]], seen_at[end, got[end]] = flit, cycle
                got[end] += 1
            at = returned[end]
            if at < got[end] and seen_at[end, at] + hold <= cycle + 1:
                put_credit(wires, state.ends[end].output, cycle + 1, vc_of(seen[end, at]))
                returned[end] += 1
    return got


def run_link(cfg, stream_a, stream_b, cycles: int, *, hold: int = 1, order=(0, 1),
             fibre_m=None, lanes=None, hits=None, ber=None, dark=None, seed=0) -> LinkRun:
    """Run both ends of a link from reset, each with a source and a consumer.

    Parameters
    ----------
    cfg : lightloom.config.Config
    stream_a, stream_b : sequences of (cycle, vc, first, end, src, dst, tag)
        What ends 0 and 1 are given to send, in order: each flit no earlier than its cycle, one
        a cycle, and only with a credit of its VC, of which the source has `egress_depth`.
    cycles : int
    hold : int
        The consumer returns a flit's credit so many cycles after `o.valid`.
    order : (int, int)
        In which order the ends are stepped within a cycle; the result does not depend on it.
    fibre_m, lanes : float[2], int[2], optional
        Of what each end sends, as in :func:`.state.make_links`.
    hits : int64[2, n], optional
        Errors on what each end sends, by :func:`.errors.hit`, ascending.
    ber : float[2, lanes], optional
        Probability that a bit of a lane that each end sends on is wrong; `seed` draws.
    dark : (int, int)[2], optional
        In which cycles, from the first up to the second, each end receives nothing.
    """
    streams = stream_a, stream_b
    offered = np.array([len(stream) for stream in streams])
    most = max(1, *offered)
    offers = np.zeros((2, most, 2), np.int64)
    for end, stream in enumerate(streams):
        # A flit word has no room for a whole tag, so its number in the stream stands in for it.
        for k, (cycle, vc, first, last, src, dst, _) in enumerate(stream):
            offers[end, k] = cycle, pack(vc, first, last, src, dst, k)
    state = make_links(cfg, [0, 1], [2, 3], [1, 0], fibre_m=fibre_m, lanes=lanes, hits=hits,
                       seed=seed)
    if not hits is ber is dark is None:
        set_lossy(state, [0])
    if ber is not None:
        set_ber(state, slice(None), np.asarray(ber))
    if dark is not None:
        state.replay["dark_from"], state.replay["dark_to"] = np.transpose(dark)
    wires = make_wires(4)
    seen, seen_at = np.zeros((2, most), np.int64), np.zeros((2, most), np.int64)
    credits = np.full((2, cfg.chiplet.vcs), cfg.xbar.egress_depth)
    got = _run(state, wires, np.array(order), offers, offered, credits, seen, seen_at, hold, cycles)
    return LinkRun([
        [(int(at), *(int(field(flit)) for field in (vc_of, first_of, end_of, src_of, dst_of)),
          streams[1 - end][tag_of(flit)][-1])
         for at, flit in zip(seen_at[end, :got[end]], seen[end, :got[end]], strict=True)]
        for end in range(2)], state.replay)
