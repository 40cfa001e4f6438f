"""Broken copies of components that more than one test must catch."""

from amaranth import Const

from lightloom.hdl.xbar.roundrobin import RoundRobin


class StuckRoundRobin(RoundRobin):
    """A pointer that never moves: the lowest requester always wins."""

    @staticmethod
    def positions_above(grant):
        return Const(-1, len(grant))
