"""How the models are compiled, and where the machine code is kept."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from pathlib import Path

import numba

_DAY = 86400

# A step function is handed its state, a tuple of tens of arrays, and allocates nothing: without
# Numba's reference counts, which are atomic and one for each array touched, it is several
# times as fast.
step_function = numba.njit(cache=True, _nrt=False, forceinline=True)
"""Decorator of functions that allocate nothing and are called from a compiled loop only."""



def use_own_cache() -> None:
    """Keep machine code in a folder of its own for each state of the sources.

    Numba looks at the file of the function it loads and not at those of the functions that are
    compiled into it: with its usual folders a changed step would leave a stale loop.
    """
    root = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(path.read_bytes())
    folder = _base(root) / f"numba-{digest.hexdigest()[:16]}"
    for old in folder.parent.glob("numba-*"):
        if old != folder and time.time() - old.stat().st_mtime > _DAY:
            shutil.rmtree(old, ignore_errors=True)
    numba.config.CACHE_DIR = str(folder)


def _base(root: Path) -> Path:
    if numba.config.CACHE_DIR:
        return Path(numba.config.CACHE_DIR)
    base = root / "__pycache__"
    try:
        base.mkdir(exist_ok=True)
        tempfile.TemporaryFile(dir=base).close()
    except OSError:
        return Path(tempfile.gettempdir()) / "lightloom"
    return base
