"""An experiment from a TOML file (docs/sweeps.md)."""

from __future__ import annotations

import tomllib
from pathlib import Path

from ... import config
from ..errors import FlowError
from .experiment import Experiment, make
from .fields import combined, flat, listed, text_of

FIELDS = ("profile", "set", "vary", "variants", "patterns", "loads", "packet_flits", "seeds",
          "faults", "cycles", "warmup", "collectives", "bytes", "levels")


def read(path: str | Path) -> Experiment:
    """Read an experiment from a TOML file.

    Raises
    ------
    FlowError
        When it cannot be read, or has a field that no experiment has.
    ConfigError
        When a configuration of it cannot work.
    """
    path = Path(path)
    try:
        data = tomllib.loads(text_of(path, "experiment"))
    except tomllib.TOMLDecodeError as error:
        raise FlowError(f"experiment {path}: not valid TOML: {error}") from None
    for name in data:
        if name not in FIELDS:
            raise FlowError(f"experiment {path}: {name}: no such field; there are "
                            f"{', '.join(FIELDS)}")
    if "loads" not in data and "collectives" not in data:
        raise FlowError(f"experiment {path}: loads, or collectives: missing, required")
    # Paths in the file are from its own folder.
    def beside(name):
        return str(name) if name in config.profiles() else str(path.parent / name)

    variants = data.get("variants", {"": {}})
    if not isinstance(variants, dict) or not all(isinstance(v, dict) for v in variants.values()):
        raise FlowError(f"experiment {path}: variants: must be tables, as [variants.torus]")
    cfg = config.load(beside(data.get("profile", "sim")))
    common = flat(data.get("set", {}))
    configs = combined(cfg, {name: {**common, **flat(fields)} for name, fields in variants.items()},
                       flat(data.get("vary", {})), beside)
    options = {name: data[name] for name in ("loads", "seeds", "patterns", "packet_flits", "cycles",
                                             "warmup", "collectives", "levels") if name in data}
    return make(configs, nbytes=data.get("bytes", []),
                faults=[beside(name) for name in listed(data.get("faults", []))], **options)
