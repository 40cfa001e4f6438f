"""Route tables as words on the route port."""

from __future__ import annotations


def route_words(cfg, routes) -> tuple[list[int], int]:
    """Words that write `routes`, (valid, port, spread) for each destination; and their width."""
    dst_bits, port_bits = cfg.derived.id_bits, cfg.derived.port_bits
    words = [dst | int(valid) << dst_bits | int(port) << dst_bits + 1
             | int(spread) << dst_bits + 1 + port_bits
             for dst, (valid, port, spread) in enumerate(routes)]
    return words, dst_bits + 1 + 2 * port_bits
