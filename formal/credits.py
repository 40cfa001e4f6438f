"""Credits: whatever tails are lost, the consumer never holds more than D flits of a VC."""

from amaranth import Signal

from ..hdl.link.format import State
from ..hdl.link.layer import Link
from .abstract import open_link
from .bench import Bench, implies
from .configs import END as CFG


def build(producer=Link, consumer=Link) -> Bench:
    """One session of two whole links: one sends flits, the other grants credits for them.

    Numbers that the RTL counts modulo 2^credit_bits are counted here modulo four times that. A
    tail, lost or not, tells what was granted when it was made; so the one that arrives bears any
    grant between the last one that arrived and the present one.

    Assumed: no flit is given to the consumer that was not sent (promise 1), no tail arrives while
    the consumer's end is in RESET, the producer's session does not end, and the consumer frees
    what it holds. The consumer's end may begin sessions, with flits of older ones still held, until
    the first tail has arrived.
    """
    bench = Bench()
    m, depth = bench.m, CFG.xbar.vc_depth
    one = open_link(bench, CFG, "one", Link=producer)
    two = open_link(bench, CFG, "two", Link=consumer)
    admission, receiver = one.part("admission"), one.part("receiver")
    framer, training = two.part("framer"), two.part("training")
    given = two.part("delivery").part("consumer")
    reset = training.port.state == State.RESET
    bench.assume(~one.part("training").port.renew)
    bench.assume(implies(receiver.port.tail, ~reset & ~training.port.renew))

    for v in range(CFG.chiplet.vcs):
        bits = CFG.derived.credit_bits + 2
        sent, limit, granted, passed = (
            Signal(bits, name=f"{name}_{v}") for name in ("sent", "limit", "granted", "passed"))
        held = given[f"held_{v}"]
        free = (depth - held)[:bits]
        # FIFO v has flits of VC v only, as `admission_fifos` proves.
        admits = admission.part("choice").port.grant[v] & ~admission[f"cut_{v}"]
        gives = given.port.given & (given.port.vc == v)
        credit = two.port.o.credit[v]
        bench.assume(implies(credit, held != 0))
        bench.assume(implies(gives & ~reset, passed != sent))
        bench.assume(implies(gives & reset, held < depth))
        bench.assume(implies(training.port.renew, (sent == 0) & (limit == 0)))
        m.d.sync += [sent.eq(sent + admits), granted.eq(granted + credit),
                     passed.eq(passed + gives)]
        with m.If(reset):
            m.d.sync += [granted.eq(two.part("delivery").port.free[v]), passed.eq(0)]

        told = bench.free(bits, f"told_{v}")
        with m.If(receiver.port.tail):
            bench.assume((told - limit)[:bits] <= (granted - limit)[:bits])
            bench.assume(receiver.port.news.limit[v] == told[:CFG.derived.credit_bits])
            m.d.sync += limit.eq(told)

        low = CFG.derived.credit_bits
        bench.check(held <= depth)
        # What is sent and not yet freed fits the consumer, wherever it is.
        bench.check(reset | ((sent - passed)[:bits] + held <= depth))
        # A tail that arrives repairs what others would have told; each tells the truth of its time.
        bench.check(one["granted"][v] == limit[:low])
        bench.check(implies(framer["load_tail"], framer["tail"].limit[v] == granted[:low]))

        bench.invariant(admission[f"sent_{v}"] == sent[:low])
        bench.invariant(two["freed"][v] == granted[:low])
        first = reset & (training["lasted"] == 0)
        bench.invariant(first | ((granted - passed)[:bits] == free))
        bench.invariant(implies(reset, (sent == 0) & (limit == 0) & ~training.port.up))
        bench.invariant(first | ((limit - sent)[:bits] <= (granted - sent)[:bits]))
        bench.invariant(first | ((granted - sent)[:bits] <= depth))
        bench.invariant(first | ((sent - passed)[:bits] <= depth))
    return bench
