"""Errors that end a command with a message instead of a traceback."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

BAD_INPUT, FAILED = 2, 1
"""Exit codes: the command cannot do what it was asked; it did, and something is wrong."""

_CODES = {
    ("lightloom.config", "ConfigError"): BAD_INPUT,
    ("lightloom.hdl.export", "ExportError"): FAILED,
    ("lightloom.sim.workload", "TraceError"): BAD_INPUT,
    ("lightloom.tb.interop", "PeerError"): BAD_INPUT,
    ("lightloom.tb.runner", "SimulationError"): FAILED,
}


class FlowError(Exception):
    """A command that cannot go on; its text is for the user."""

    exit_code = BAD_INPUT


class CheckError(FlowError):
    """A check that ran and found something wrong."""

    exit_code = FAILED


def writable(folder: Path) -> None:
    """Make `folder` where it is missing.

    Raises
    ------
    FlowError
        When it cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise FlowError(f"{folder}: cannot be written: {error.strerror or error}") from None


def exit_code(error: Exception) -> int | None:
    """Exit code for `error`; None for one that nobody foresaw, whose traceback is wanted.

    Modules are looked up among those that are loaded: one that is not cannot have raised.
    """
    if isinstance(error, FlowError):
        return error.exit_code
    for (module, name), code in _CODES.items():
        kind = getattr(sys.modules.get(module), name, None)
        if kind is not None and isinstance(error, kind):
            return code
    return None
