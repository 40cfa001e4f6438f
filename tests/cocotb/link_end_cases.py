"""What may befall a link end: stimulus for its model and its RTL."""

import random

from lightloom import config
from lightloom.sim.link.end import State
from lightloom.sim.link.end.format import Format, Tail, Train
from lightloom.tb.end_pair import Beat, Errors, Pair

QUIET = Errors()
NOISY = Errors(flip=0.01, flag=0.02, ctrl=0.004, drop=0.005)
FLITLESS = Errors(flits=1)
DEAF = Errors(drop=1)
WORN = Errors(flip=0.1, flag=0.2, ctrl=0.02, drop=0.05)


def small(**changes):
    """Time-outs, strikes and removals come soon."""
    return config.override(config.load("sim"), **{
        "link__frame_flits": 6, "link__replay_limit": 2, "link__keepalive_cycles": 16,
        "link__lane_budget": 12, "link__lane_retry_cycles": 1024,
        "rack__fibre_m": 1.0, "serdes__marker_period": 136, **changes})


CONFIGS = {
    "sim": lambda: config.load("sim"),
    "ecp5": lambda: config.load("ecp5"),
    "small": small,
    "8 VCs, 64 bytes": lambda: small(chiplet__vcs=8, chiplet__flit_bytes=64),
    "1 VC, 1 lane": lambda: small(chiplet__vcs=1, serdes__lanes=1, link__frame_flits=3),
    "3 lanes, 3 VCs": lambda: small(chiplet__vcs=3, serdes__lanes=3, xbar__egress_depth=9),
}


RARE = ("on_reset", "on_own_reset", "on_other_partner", "on_forged_train", "on_forged_frame",
        "on_dead", "on_unaligned", "on_lost_markers", "on_wires", "on_wire_errors",
        "on_no_flits")


class Script:
    """A run of two ends in which something happens now and then; end 0 is logged."""

    def __init__(self, cfg, seed, pace: int):
        self.rng = random.Random(seed)
        self.cfg, self._pace, self._format = cfg, pace, Format(cfg)
        self.pair = Pair((cfg, cfg), self.rng, delay=self.rng.randrange(3, 40), load=0.6,
                         keep=0)
        for side in self.pair.sides:
            side.consumer.trusting = True
        frame = cfg.link.frame_flits
        self.forged_sizes = 0, 0, 1, frame, frame + 1, frame + 1
        self._later = []
        events = [getattr(self, name) for name in dir(self) if name.startswith("on_")]
        # What ends a session or lasts is rare: so is there time for the rest.
        self._events = [event for event in events for _ in range(
            1 if event.__name__ in RARE else 3)]

    def run(self, cycles: int):
        """The log of end 0: (Inputs, Outputs) of each cycle."""
        due = 10 * self._pace
        while self.pair.cycle < cycles:
            if self.pair.cycle >= due:
                self.rng.choice(self._events)()
                due = self.pair.cycle + 1 + int(self.rng.expovariate(1 / self._pace))
            for entry in [entry for entry in self._later if entry[0] <= self.pair.cycle]:
                self._later.remove(entry)
                entry[1]()
            self.pair.step()
            self._leave_fault()
        return self.pair.sides[0].log

    def _after(self, most, action):
        self._later.append((self.pair.cycle + self.rng.randrange(1, most), action))

    def _leave_fault(self):
        for end, side in enumerate(self.pair.sides):
            if side.outputs is None:
                continue
            if side.outputs.status.state == State.FAULT and self.rng.random() < 0.003:
                side.restart = 1
                if side.outputs.status.mismatch:
                    self._replace(self.cfg)
            elif end == 0 and self.rng.random() < 0.0005:
                # Out of FAULT it means nothing.
                side.restart = 1

    # --- traffic, errors ----------------------------------------------------------------------

    def on_load(self):
        for side in self.pair.sides:
            side.source.load = self.rng.choice((0, 0.05, 0.6, 0.6, 1))
            side.consumer.pace = self.rng.choice((0.02, 0.3, 1))
            side.stall = self.rng.choice((0, 0, 0.1, 0.6))

    def on_full_ring(self):
        """Nothing is acknowledged for a while: the replay ring fills."""
        for side in self.pair.sides:
            side.source.load, side.consumer.pace = 1, 1
        self.pair.channels[0].errors = DEAF
        self._after(3 * self.cfg.link.replay_flits, self.calm_down)

    def on_errors(self):
        for channel in self.pair.channels:
            channel.errors = self.rng.choice((QUIET, NOISY, NOISY, WORN))
        self._after(3000, self.calm_down)

    def on_no_flits(self):
        """No flit comes through, though tails do: strikes."""
        self.pair.channels[1].errors = FLITLESS
        self._after(16 * self.cfg.derived.round_trip, self.calm_down)

    def calm_down(self):
        for channel in self.pair.channels:
            channel.errors = QUIET

    def on_dead(self):
        channel = self.rng.choice(self.pair.channels)
        channel.dead = True
        self._after(3 * self.cfg.derived.silence_cycles, lambda: setattr(channel, "dead", False))

    def on_unaligned(self):
        channel = self.rng.choice(self.pair.channels)
        channel.aligned = False
        most = self.rng.choice((3, 200, 200, 3 * self.cfg.derived.bringup_cycles))
        self._after(most, lambda: setattr(channel, "aligned", True))

    # --- control, partner ---------------------------------------------------------------------

    def on_sleep(self):
        for side in self.pair.sides:
            side.sleep = self.rng.randrange(2)
            if self.rng.random() < 0.7:
                side.source.load = 0

    def on_reset(self):
        self.pair.reset(1)
        if self.rng.random() < 0.3:
            self._after(150, lambda: self.pair.reset(1))

    def on_own_reset(self):
        self.pair.reset(0)

    def on_other_partner(self):
        d, changes = self.cfg, {}
        if self.rng.random() < 0.3:
            changes["link__frame_flits"] = d.link.frame_flits - 1
        if self.rng.random() < 0.3:
            changes["xbar__vc_depth"] = d.xbar.vc_depth + 1
        if self.rng.random() < 0.3:
            changes["link__replay_flits"] = 2 * d.link.replay_flits
        self._replace(config.override(d, **changes))

    def _replace(self, cfg):
        self.pair.replace(1, cfg)
        self.pair.sides[1].consumer.trusting = True

    # --- wires --------------------------------------------------------------------------------

    def on_wires(self):
        """Wires in another state; most of them recover."""
        side, rng, lanes = self.pair.sides[0], self.rng, self.cfg.serdes.lanes
        numbers = list(range(lanes))
        if rng.random() < 0.3:
            rng.shuffle(numbers)
        self._base = tuple((1, 1, 1, number, 0) for number in numbers)
        side.wires = tuple(
            rng.choice((wire, wire, wire[:2] + (0, rng.randrange(lanes), 0), (1, 0, 0, 0, 0),
                        (0, 0, 0, 0, 0))) for wire in self._base)
        self._after(rng.choice((5, 50, 2 * self.cfg.derived.lane_patience)), self._recover)

    def on_lost_markers(self):
        """Not aligned, as a wire has no markers; for long enough to be taken out, or nearly."""
        lanes, channel = self.cfg.serdes.lanes, self.pair.channels[0]
        lost = self.rng.randrange(lanes)
        self._base = tuple((1, 1, 1, lane, 0) for lane in range(lanes))
        self.pair.sides[0].wires = tuple(
            wire if lane != lost else (1, 1, 0, lane, 0) for lane, wire in enumerate(self._base))
        channel.aligned = False

        def back():
            channel.aligned = True
            self._recover()

        self._after(3 * self.cfg.derived.lane_patience, back)

    def _recover(self):
        self.pair.sides[0].wires = self._base

    def on_wire_errors(self):
        """Some wires make errors for a while."""
        bad = [self.rng.random() < 0.4 for _ in range(self.cfg.serdes.lanes)]
        until, side = self.pair.cycle + self.rng.randrange(3, 60), self.pair.sides[0]

        def pulse():
            going = self.pair.cycle < until
            side.wires = tuple(
                wire[:4] + (int(going and spoilt and self.rng.random() < 0.5),)
                for wire, spoilt in zip(side.wires, bad, strict=True))
            if going:
                self._later.append((self.pair.cycle + 1, pulse))

        pulse()

    # --- forged frames ------------------------------------------------------------------------

    def on_forged_frame(self):
        """A frame with a good CRC that is wrong in one or another way."""
        rng, status, d = self.rng, self.pair.status(0), self.cfg.derived
        rx, tx = self.pair.sides[0].model._rx, self.pair.sides[0].model._tx
        numbers = 2 * self.cfg.link.replay_flits
        n = rng.choice(self.forged_sizes)
        flits = [rng.getrandbits(d.flit_bits) for _ in range(n)]
        heads = min(n, d.frame_heads, rng.randrange(3))

        def near(number):
            return (number + rng.choice(
                (0, 0, 0, -1, 1, 7, -7, numbers // 2, rng.randrange(numbers)))) % numbers

        tail = Tail(
            rng.choice((n, n, n, n + 1, 0)) % (1 << d.count_bits), near(rx.expected),
            near(tx._acked), rng.randrange(2), rng.randrange(4),
            rng.choice((rx.nak_epoch, rng.randrange(4))),
            rng.getrandbits(self.cfg.serdes.lanes), tx._limit,
            tuple((rng.randrange(self.cfg.chiplet.vcs), int(k < heads), rng.randrange(4))
                  for k in range(min(n, self.cfg.link.frame_flits))),
            tuple((rng.getrandbits(d.id_bits), rng.getrandbits(d.id_bits))
                  for _ in range(heads)))
        crc = status.theirs + 256 * status.session
        if rng.random() < 0.1:
            crc ^= 1
        for flit in flits:
            self.pair.forged[0].append(Beat(flit, 0))
            crc = self._format.crc(flit, crc)
        self.pair.forged[0].append(Beat(self._format.close(self._format.tail(tail), crc), 1))

    def on_forged_train(self):
        rng, status = self.rng, self.pair.status(0)
        shared = list(self._format.shared)
        if rng.random() < 0.15:
            shared[rng.randrange(len(shared))] ^= 1
        train = Train(rng.randrange(2), rng.randrange(2),
                      rng.choice((status.theirs, status.theirs, rng.randrange(1, 256))),
                      rng.choice((status.session, status.session, rng.randrange(256))),
                      rng.getrandbits(16), tuple(shared))
        self.pair.forged[0].append(Beat(self._format.close(self._format.train(train), 0), 1))

    def on_odd_beat(self):
        """Control blocks that no beat of a link has, idle beats among them."""
        rng, d = self.rng, self.cfg.derived
        kind = rng.choice((0x1E, 0x87, 0xFF, 0x00, 0x78, 0x55))
        self.pair.forged[0].append(Beat(
            rng.getrandbits(d.flit_bits) & ~0xFF | kind,
            1 | rng.getrandbits(d.blocks) * rng.randrange(2)))
