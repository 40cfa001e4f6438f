"""A collective as a sequence of the steps of its pattern."""

from __future__ import annotations

import numpy as np
from numba import njit

from .share import fill


def run_steps(each, pair, transfer, alpha, routes, link_count: int) -> float:
    """Cycles from the entry of all ranks to the end of the last message.

    All messages of a step have the max-min fair shares of their step, computed once for each set
    of sources and destinations. A message starts when what it waits for is done and its source
    has sent what it sends in earlier steps.

    Parameters
    ----------
    each : Pattern
    pair : int[m]
        Route of each message, of `routes`.
    transfer, alpha : float64[m]
        Cycles that a link alone takes for its flits, and its latency.
    """
    messages, nodes = each.src.size, np.arange(each.step.size)
    order = np.lexsort((nodes >= messages, each.step))
    by_after = np.argsort(each.after, kind="stable")
    ptr = np.zeros(each.step.size + 1, np.int64)
    np.cumsum(np.bincount(each.after, minlength=each.step.size), out=ptr[1:])
    shares = _shares(each.step[:messages], pair, routes, link_count)
    return float(_longest(order, ptr, each.before[by_after], each.src, transfer / shares, alpha))


def _shares(steps, pair, routes, link_count):
    """Share of a link's time that each message has, float64[m]."""
    order = np.argsort(steps, kind="stable")
    bounds = np.searchsorted(steps[order], np.arange(steps.max(initial=-1) + 2))
    found, shares = {}, np.empty(steps.size)
    use, users = np.zeros(link_count), np.zeros(link_count, np.int64)
    for begin, end in zip(bounds[:-1], bounds[1:], strict=True):
        own = order[begin:end]
        flows = pair[own]
        key = flows.tobytes()
        if key not in found:
            found[key] = np.empty(own.size)
            use[:] = 0.0
            fill(flows, own.size, routes.ptr, routes.links, found[key], use, users)
        shares[own] = found[key]
    return shares


@njit(cache=True)
def _longest(order, ptr, before, place, transfer, alpha):
    done = np.zeros(order.size)
    free = np.zeros(place.max() + 1 if place.size else 0)
    last = 0.0
    for node in order:
        ready = 0.0
        for k in range(ptr[node], ptr[node + 1]):
            ready = max(ready, done[before[k]])
        if node < place.size:
            sent = max(ready, free[place[node]]) + transfer[node]
            free[place[node]] = sent
            ready = sent + alpha[node]
        done[node] = ready
        last = max(last, ready)
    return last
