"""docs/link.md once more, for throughput: both directions saturated, one beat each a slot.

What is left out is what does not matter then: credits, timeouts, bring-up, cycles within a slot.
"""

import numpy as np
from numba import njit

FLIT, TAIL = 1, 2
GOOD, SPOILT, LOST = 0, 1, 2
"""A beat: right; taken with wrong bits; not recognised."""
RING = 1024
SPILL = 58


@njit
def accepted(slots, ber, flits, blocks, lanes, delay, period, seed):
    """Flits accepted at both ends in so many slots.

    Parameters
    ----------
    ber : float
        Of each bit on a lane.
    flits, blocks, lanes, period : int
        F, W, L and `marker_period`; L is a multiple of W.
    delay : int
        Slots from the choice of a beat until the far end's registers show what it says.
    """
    np.random.seed(seed)
    # Of each direction, what is under way; a slot of the ring each.
    kind, state, seq, count, ack, nak, nak_epoch, epoch_of = np.zeros((8, 2, RING), np.int64)
    spills = np.zeros((2, RING), np.bool_)
    # Of each end, its transmitter and its receiver.
    sent, acked, inside, begin, epoch = np.zeros((5, 2), np.int64)
    expected, asks, heard, seen = np.zeros((4, 2), np.int64)
    request, spoilt = np.zeros(2, np.bool_), np.zeros(2, np.bool_)
    told = np.zeros((2, 3), np.int64)
    good_last = (1 - ber)**(SPILL * blocks)
    good_headers = (1 - ber)**(2 * blocks)
    good_rest = (1 - ber)**((64 - SPILL) * blocks)

    for slot in range(slots):
        for end in range(2):
            far, at = 1 - end, (slot - delay) % RING
            if slot < delay:
                continue
            if state[far, at] == LOST:
                spoilt[end] = True
                continue
            spoilt[end] |= state[far, at] == SPOILT
            if kind[far, at] == FLIT:
                seen[end] += 1
                continue
            wrong, spoilt[end] = spoilt[end] or seen[end] != count[far, at], False
            seen[end] = 0
            if wrong:
                asks[end] = 1
                continue
            acked[end] = ack[far, at]
            request[end] |= nak[far, at] == 1 and nak_epoch[far, at] == epoch[end]
            if epoch_of[far, at] != heard[end]:
                heard[end], asks[end] = epoch_of[far, at], 0
            if seq[far, at] == expected[end]:
                expected[end] += count[far, at]
                asks[end] = 0
            elif seq[far, at] > expected[end]:
                asks[end] = 1

        for end in range(2):
            at = slot % RING
            kind[end, at] = TAIL if request[end] or inside[end] == flits else FLIT
            if request[end] and inside[end] == 0:
                sent[end], request[end] = acked[end], False
                epoch[end] += 1
                news = (expected[end] != told[end, 0] or asks[end] != told[end, 1]
                        or heard[end] != told[end, 2])
                kind[end, at] = TAIL if news else FLIT
            if kind[end, at] == FLIT:
                if inside[end] == 0:
                    begin[end] = sent[end]
                inside[end] += 1
                sent[end] += 1
            else:
                seq[end, at] = begin[end] if inside[end] else sent[end]
                count[end, at], inside[end] = inside[end], 0
                ack[end, at], nak[end, at], nak_epoch[end, at] = (
                    expected[end], asks[end], heard[end])
                epoch_of[end, at] = epoch[end]
                told[end, 0], told[end, 1], told[end, 2] = expected[end], asks[end], heard[end]
            spills[end, at] = np.random.random() > good_last
            # The block before on a lane is that of so many beats ago, or now and then a marker.
            before = spills[end, (at - lanes // blocks) % RING]
            marker = np.random.random() * period < 1 and np.random.random() > good_last
            hit = spills[end, at] or before or marker or np.random.random() > good_rest
            state[end, at] = SPOILT if hit else GOOD
            if np.random.random() > good_headers:
                state[end, at] = LOST
    return expected.sum()
