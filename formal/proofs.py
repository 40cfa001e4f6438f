"""The list of proofs."""

from . import (
    credited,
    credits,
    crossing,
    delivery,
    deskew,
    partition,
    receiver,
    sender,
    training,
    voq,
)
from .bench import Proof

LINK = "R = 4, F = 3, 2 VCs"

PROOFS = {proof.name: proof for proof in [
    Proof("deskew_fifo", "9 blocks", deskew.build),
    Proof("crossing", "8 entries", crossing.build),
    Proof("admission_fifos", "K = 5, 2 VCs", credited.admission),
    Proof("egress_fifos", "K = 5, 2 VCs", credited.egress),
    Proof("voq", "4 slots, 1 VC, 2 outputs and a set queue", voq.build),
    Proof("partition", "2 x 2, 2 VCs, multicast", partition.build),
    Proof("delivery", LINK, delivery.build),
    Proof("sender", LINK, sender.build),
    Proof("receiver", LINK, receiver.build),
    Proof("credits", LINK + ", D = 4", credits.build),
    Proof("training", "round trip 7, flight up to 3", training.invariants),
    Proof("training_up", "round trip 7, silence 12, flight 2", training.leads_to_up,
          depth=training.WITHIN + 1, any_start=True),
]}
"""Name to proof."""
