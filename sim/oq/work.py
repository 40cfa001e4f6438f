"""Tasks on an output-queued network: they start and end, hosts cut messages into packets."""

from __future__ import annotations

from lightloom.sim.compiled import step_function
from lightloom.sim.rack.tasks import DELAY

from .forward import enter, forward
from .heap import SEND, TASK, push
from .state import NOTHING


@step_function
def begin(network, state, work):
    """Start all tasks that wait for none, at 0."""
    for task in range(work.kind.size):
        if work.before[task] == 0:
            start(network, state, work, task, 0)


@step_function
def start(network, state, work, task, now):
    """A task's predecessors are done."""
    if work.kind[task] == DELAY:
        push(state.heap, now + work.delay[task], task, TASK)
        return
    node, dst = work.src[task], work.dst[task]
    group = network.groups[network.row[node], dst]
    queue = network.first[node] + network.ports[network.ptr[group]]
    if node == dst:
        # Nothing to send: done at once, by way of an event.
        push(state.heap, now, task, TASK)
    elif work.first[queue] == NOTHING:
        work.first[queue] = task
        work.last[queue] = task
        work.rest[queue] = work.nbytes[task]
        push(state.heap, now, queue, SEND)
    else:
        work.following[work.last[queue]] = task
        work.last[queue] = task


@step_function
def finish(network, state, work, task, now):
    """A task is done: start those that waited for it last."""
    work.done[task] = now
    for k in range(work.succ_ptr[task], work.succ_ptr[task + 1]):
        after = work.succ[k]
        work.before[after] -= 1
        if work.before[after] == 0:
            start(network, state, work, after, now)


@step_function
def send(network, state, work, queue, now, packet_bytes):
    """The next packet of a host's queue; the one after it when a channel of its route is clear."""
    task = work.first[queue]
    node, dst = work.src[task], work.dst[task]
    nbytes = min(work.rest[queue], packet_bytes)
    slot = enter(network, state, now, node, dst, nbytes, work.vc[task], task)
    forward(network, state, now, node, slot)
    work.rest[queue] -= nbytes
    if work.rest[queue] == 0:
        following = work.following[task]
        work.first[queue] = following
        if following == NOTHING:
            return
        work.rest[queue] = work.nbytes[following]
    group = network.groups[network.row[node], dst]
    base = network.first[node]
    clear = state.clear[base + network.ports[network.ptr[group]]]
    for k in range(network.ptr[group] + 1, network.ptr[group + 1]):
        clear = min(clear, state.clear[base + network.ports[k]])
    push(state.heap, max(now, clear), queue, SEND)
