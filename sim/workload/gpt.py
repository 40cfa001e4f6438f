"""Generate the trace of a GPT training step over tensor- and data-parallel groups."""

from __future__ import annotations

from pathlib import Path

from .groups import PREFIX
from .schema import Collective, NodeType
from .writer import make_node, write

BYTES = 2
"""Of an element: bfloat16 activations, gradients and weights."""


def generate(path: str | Path, *, layers: int = 32, hidden: int = 4096, sequence: int = 2048,
             batch: int = 1, vocabulary: int = 51200, tensor_parallel: int = 8,
             data_parallel: int = 128, tflops: float = 400.0, hbm_gbytes: float = 2700.0) -> None:
    """Write one training step as a single `.et` file that stands for every rank.

    By default GPT-3 6.7B (Brown et al., *Language models are few-shot learners*, table 2.1) with
    a vocabulary padded for 8 ways, over 1,024 GPUs. Tensor parallelism as in Megatron-LM
    (Shoeybi et al., 2019, section 3): per layer two all-reduces of the activations forward, two
    backward. Data parallelism with a sharded optimiser (ZeRO stage 1: Rajbhandari et al.,
    SC20): per layer a reduce-scatter of the gradients as soon as they are there, beside the
    backward pass of the layers below; the optimiser's step; an all-gather of each layer's
    weights. Ranks of a tensor-parallel group are neighbours.

    Parameters
    ----------
    path : str or Path
        The file to be written.
    layers, hidden, sequence, batch, vocabulary : int
        The model; `batch` in sequences for each data-parallel replica.
    tensor_parallel, data_parallel : int
        Their product is the number of ranks, written to the metadata.
    tflops : float
        Sustained rate of one GPU, 10^12 floating-point operations a second (default: about 40 % of
        the dense bfloat16 peak of an NVIDIA H100 SXM). Compute times follow from it: a product
        of (m, k) and (k, n) is 2mkn operations, the backward pass twice the forward.
    hbm_gbytes : float
        Sustained memory rate of one GPU, 10^9 bytes a second, for Adam (default: about 80 % of the
        H100's 3,350), which moves 28 bytes for each weight of its shard.

    Notes
    -----
    The metadata attributes `ranks`, `group.tp` and `group.dp` are Lightloom's own
    (:class:`.groups.Groups`); the rest is plain Chakra.
    """
    step = _Writer(tflops * 1e12 * tensor_parallel)
    tokens, activations = batch * sequence, batch * sequence * hidden * BYTES
    # Query, key, value and output projections; scores and their use.
    attention = 8 * tokens * hidden**2 + 4 * tokens * sequence * hidden
    mlp = 16 * tokens * hidden**2
    head = 2 * tokens * hidden * vocabulary
    weights = 12 * hidden**2 // tensor_parallel
    shard = -(-weights // data_parallel)

    step.all_reduce("embedding forward", activations)
    for layer in range(layers):
        for part, flops in (("attention", attention), ("mlp", mlp)):
            step.compute(f"layer {layer} {part} forward", flops)
            step.all_reduce(f"layer {layer} {part} forward", activations)
    step.compute("head forward", head)
    step.all_reduce("loss", tokens * 4)
    step.compute("head backward", 2 * head)
    step.all_reduce("head backward", activations)
    reduced = None
    for layer in reversed(range(layers)):
        for part, flops in (("mlp", mlp), ("attention", attention)):
            computed = step.compute(f"layer {layer} {part} backward", 2 * flops)
            step.all_reduce(f"layer {layer} {part} backward", activations)
        # Collectives of one communicator follow each other, as on a GPU's stream.
        deps = [computed] if reduced is None else [computed, reduced]
        reduced = step.add(
            f"dp reduce-scatter layer {layer} gradients", NodeType.COMM_COLL_NODE, deps,
            comm_type=Collective.REDUCE_SCATTER, comm_size=weights * BYTES, pg_name="dp")
    # Read: gradient, master weight, two moments; written: the last three, and the weight.
    micros = round((2 * BYTES + 6 * 4) * layers * shard / (hbm_gbytes * 1e3))
    gathered = step.add("optimiser", NodeType.COMP_NODE, [step.last, reduced], micros)
    for layer in range(layers):
        gathered = step.add(
            f"dp all-gather layer {layer} weights", NodeType.COMM_COLL_NODE, [gathered],
            comm_type=Collective.ALL_GATHER, comm_size=shard * BYTES, pg_name="dp")

    write(path, step.nodes, ranks=tensor_parallel * data_parallel, **{
        f"{PREFIX}tp": (tensor_parallel, 1), f"{PREFIX}dp": (data_parallel, tensor_parallel)})


class _Writer:
    """Nodes of a step; `last` is the one that the next waits for."""

    def __init__(self, flops_per_second: float):
        self.rate = flops_per_second
        self.nodes, self.last = [], None

    def compute(self, name, flops) -> int:
        deps = [] if self.last is None else [self.last]
        micros = round(flops / self.rate * 1e6)
        self.last = self.add(name, NodeType.COMP_NODE, deps, micros)
        return self.last

    def all_reduce(self, name, nbytes) -> None:
        deps = [] if self.last is None else [self.last]
        self.last = self.add(f"tp all-reduce {name}", NodeType.COMM_COLL_NODE, deps,
                             comm_type=Collective.ALL_REDUCE, comm_size=nbytes, pg_name="tp")

    def add(self, name, kind, deps, micros=0, **attributes) -> int:
        number = len(self.nodes)
        self.nodes.append(make_node(number, name, kind, data_deps=deps, micros=micros,
                                    is_cpu_op=False, **attributes))
        return number
