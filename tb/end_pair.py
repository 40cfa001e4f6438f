"""Two models of link ends, joined by channels that make errors, between sources and consumers."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from lightloom.sim.flits import ABORT, FULL, NONE, PARTIAL
from lightloom.sim.link.end import Beat, EndModel, Flit, Inputs, Outputs


@dataclass
class Errors:
    """What a channel does to a beat, each with a probability: `flip` bits unseen, `flag` blocks,
    `ctrl` changed unseen, `drop` it and up to `most_dropped` - 1 behind it; `flits`:
    flag blocks of a beat that carries a flit."""

    flip: float = 0
    flag: float = 0
    ctrl: float = 0
    drop: float = 0
    flits: float = 0
    most_dropped: int = 4


class Channel:
    """Beats on their way: each takes `delay` cycles.

    `dead` loses all of them, as does a receiver that is not `aligned`.
    """

    def __init__(self, cfg, rng, delay: int, errors: Errors):
        self._rng, self.delay, self.errors = rng, delay, errors
        self._bits, self._blocks = cfg.derived.flit_bits, cfg.derived.blocks
        self._beats = deque()
        self._dropping = 0
        self.dead, self.aligned = False, True

    def put(self, cycle, beat: Beat) -> None:
        self._beats.append((cycle + self.delay, beat))

    def take(self, cycle) -> Beat | None:
        """The beat that arrives in `cycle`."""
        if not self._beats or self._beats[0][0] > cycle:
            return None
        beat = self._beats.popleft()[1]
        if self.dead or not self.aligned:
            return None
        return self._spoil(beat)

    def _spoil(self, beat):
        rng, errors = self._rng, self.errors
        if self._dropping or rng.random() < errors.drop:
            self._dropping = self._dropping or rng.randint(1, errors.most_dropped)
            self._dropping -= 1
            return None
        payload, ctrl, error = beat
        if rng.random() < errors.flip:
            for _ in range(rng.choice((1, 1, 2, 3, 8))):
                payload ^= 1 << rng.randrange(self._bits)
        if rng.random() < errors.ctrl:
            ctrl ^= 1 << rng.randrange(self._blocks)
        if rng.random() < (errors.flag if ctrl else errors.flag + errors.flits):
            error = rng.randrange(1, 1 << self._blocks)
        return Beat(payload, ctrl, error)


class Source:
    """Packets for an end's `i`, within its credits; `sent` are all flits given, in order.

    The low 32 bits of a payload number the flits of a VC.
    """

    def __init__(self, cfg, rng, load: float, lengths=(1, 1, 2, 3, 5, 9)):
        self._cfg, self._rng, self.load = cfg, rng, load
        self._lengths = [n for n in lengths if n <= cfg.xbar.max_packet_flits]
        vcs = cfg.chiplet.vcs
        self.sent = [[] for _ in range(vcs)]
        self._rest = [0] * vcs            # flits left of the packet that is begun
        self._credits = [cfg.xbar.egress_depth] * vcs

    def reset(self) -> None:
        """The end was reset: its slots are free, and the packets begun are not gone on with."""
        vcs = self._cfg.chiplet.vcs
        self._rest, self._credits = [0] * vcs, [self._cfg.xbar.egress_depth] * vcs

    def credit(self, pulses: int) -> None:
        for vc in range(len(self._credits)):
            self._credits[vc] += pulses >> vc & 1

    def flit(self) -> Flit | None:
        """What is given in this cycle; packets that are begun are ended, whatever the load."""
        rng = self._rng
        able = [vc for vc, credits in enumerate(self._credits) if credits
                and (self._rest[vc] or self.load)]
        if not able or rng.random() >= (self.load or 1):
            return None
        vc = rng.choice(able)
        first = not self._rest[vc]
        if first:
            self._rest[vc] = rng.choice(self._lengths)
        self._rest[vc] -= 1
        self._credits[vc] -= 1
        end = NONE if self._rest[vc] else rng.choice((FULL, FULL, PARTIAL, ABORT))
        id_bits, bits = self._cfg.derived.id_bits, self._cfg.derived.flit_bits
        src, dst = (rng.getrandbits(id_bits), rng.getrandbits(id_bits)) if first else (0, 0)
        payload = rng.getrandbits(bits - 32) << 32 | len(self.sent[vc])
        flit = Flit(vc, int(first), end, src, dst, payload)
        self.sent[vc].append(flit)
        return flit


class Consumer:
    """Takes what an end's `o` brings, and gives each slot back once.

    `pace`: probability of a credit of a VC in a cycle in which it holds a flit; `got` are all
    flits taken, in order. `trusting`: more than it has room for is no error, as where frames
    are forged.
    """

    def __init__(self, cfg, rng, pace: float):
        self._cfg, self._rng, self.pace, self.trusting = cfg, rng, pace, False
        self.got = [[] for _ in range(cfg.chiplet.vcs)]
        self._held = [0] * cfg.chiplet.vcs

    def reset(self) -> None:
        self._held = [0] * len(self._held)

    def credit(self) -> int:
        """Slots given back in this cycle."""
        pulses = 0
        for vc, held in enumerate(self._held):
            if held and (self.pace >= 1 or self._rng.random() < self.pace):
                self._held[vc] -= 1
                pulses |= 1 << vc
        return pulses

    def take(self, flit: Flit) -> None:
        self.got[flit.vc].append(flit)
        self._held[flit.vc] += 1
        assert self.trusting or self._held[flit.vc] <= self._cfg.xbar.vc_depth, "no room"


@dataclass
class Side:
    """One end with what is around it; `log` the inputs and outputs of each cycle, if kept."""

    cfg: object
    model: EndModel
    source: Source
    consumer: Consumer
    wires: tuple
    stall: float = 0          # probability that the adapter does not take a beat
    restart: int = 0
    sleep: int = 0
    rst: int = 0
    outputs: Outputs | None = None
    log: list = field(default_factory=list)


class Pair:
    """Two ends; `channels[e]` leads to end e.

    Parameters
    ----------
    cfgs : (Config, Config)
    rng : random.Random
    delay : int
        Cycles from a beat taken at one end to the beat at the other.
    load, pace : float
        Of sources and of consumers.
    keep : int, optional
        The end whose inputs and outputs are logged.
    """

    def __init__(self, cfgs, rng, *, delay=20, errors=None, load=0.5, pace=1.0, keep=None):
        self.rng, self._keep, self.cycle = rng, keep, 0
        self.channels = [Channel(cfg, rng, delay, errors or Errors()) for cfg in cfgs]
        self.sides = [self._side(cfg, load, pace) for cfg in cfgs]
        self.forged = [deque(), deque()]
        """Beats that come to each end in place of what was sent, one a cycle."""

    def _side(self, cfg, load, pace):
        return Side(cfg, EndModel(cfg), Source(cfg, self.rng, load), Consumer(cfg, self.rng, pace),
                    tuple((1, 1, 1, lane, 0) for lane in range(cfg.serdes.lanes)))

    def replace(self, end: int, cfg) -> None:
        """Another end, with another source and consumer, at the same fibres."""
        side = self.sides[end]
        self.sides[end] = self._side(cfg, side.source.load, side.consumer.pace)

    def reset(self, end: int) -> None:
        """A cycle in which an end and what is around it are reset; its fibres keep what is under
        way."""
        self.sides[end].rst = 1
        self.step()

    def status(self, end: int):
        return self.sides[end].outputs.status

    def states(self):
        return [side.outputs.status.state for side in self.sides]

    def step(self) -> None:
        cycle, rng = self.cycle, self.rng
        for end, side in enumerate(self.sides):
            beat = self.channels[end].take(cycle)
            if self.forged[end]:
                beat = self.forged[end].popleft()
            ready = not side.stall or rng.random() >= side.stall
            offered = side.model.beat
            if offered is not None and ready:
                self.channels[1 - end].put(cycle, offered)
            inputs = Inputs(
                None if side.rst else side.source.flit(),
                0 if side.rst else side.consumer.credit(), int(ready), beat,
                int(self.channels[end].aligned), side.wires, side.restart, side.sleep,
                side.rst)
            side.restart = 0
            side.outputs = side.model.step(inputs)
            if end == self._keep:
                side.log.append((inputs, side.outputs))
            if side.outputs.credit:
                side.source.credit(side.outputs.credit)
            if side.outputs.flit is not None:
                side.consumer.take(side.outputs.flit)
            if side.rst:
                side.rst = 0
                side.source.reset()
                side.consumer.reset()
        self.cycle += 1

    def run(self, cycles: int) -> None:
        for _ in range(cycles):
            self.step()

    def run_until(self, holds, most: int) -> int:
        """Step until `holds()`; how many cycles. Raises AssertionError after `most`."""
        for count in range(most):
            if count and holds():
                return count
            self.step()
        raise AssertionError(
            f"not within {most} cycles: {[side.outputs.status for side in self.sides]}")

    def drain(self, most: int) -> None:
        """No new packets; until all that was sent is delivered, lost or cut."""
        for side in self.sides:
            side.source.load, side.consumer.pace = 0, 1.0
        quiet = 0
        for _ in range(most):
            before = [sum(map(len, side.consumer.got)) for side in self.sides]
            self.step()
            after = [sum(map(len, side.consumer.got)) for side in self.sides]
            quiet = quiet + 1 if before == after else 0
            if quiet > 5 * self.sides[0].cfg.derived.timeout_cycles:
                return
