"""Schedules of faults: a TOML file, checked (docs/faults.md)."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lightloom.config import ConfigError

Time = Annotated[float, Field(strict=False, ge=0, le=1e6)]
KINDS = ("wavelength", "flap", "laser", "fibre", "port", "switch", "gpu", "ber")
_WHERE = {"wavelength": "link", "flap": "link", "fibre": "link", "ber": "link",
          "laser": "node", "port": "node", "switch": "node", "gpu": "node"}
_NEEDS = {"wavelength": ("lanes",), "flap": ("period_us", "down_us"), "laser": ("ports",),
          "port": ("ports",), "ber": ("ber",)}
_FOR_EVER = ("switch", "gpu")


class Fault(BaseModel):
    """One fault. Times are from the begin of a run; without `to_us` it lasts.

    `link` is a link's name, "gpu 3 - leaf 0", or one direction of it, "gpu 3 -> leaf 0"; where
    there are several, " #1" is the second of them. `node` is a node's name, "leaf 0".
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal[KINDS]
    link: str | None = None
    node: str | None = None
    ports: tuple[Annotated[int, Field(strict=True, ge=0, le=63)], ...] | None = None
    lanes: tuple[Annotated[int, Field(strict=True, ge=0, le=15)], ...] | None = None
    from_us: Time = 0.0
    to_us: Time | None = None
    period_us: Annotated[float, Field(gt=0, le=1e6)] | None = None
    down_us: Annotated[float, Field(gt=0, le=1e6)] | None = None
    ber: Annotated[float, Field(ge=0, le=0.01)] | None = None

    @model_validator(mode="after")
    def _fits(self) -> Fault:
        where, needs = _WHERE[self.kind], _NEEDS.get(self.kind, ())
        allowed = {"kind", "from_us", where, *needs}
        allowed |= {"to_us"} if self.kind not in _FOR_EVER else set()
        allowed |= {"lanes"} if where == "link" and self.kind != "fibre" else set()
        for name in type(self).model_fields:
            given = getattr(self, name) is not None
            if given and name not in allowed and name in self.model_fields_set:
                raise ValueError(f"{name}: a {self.kind} has none; it has "
                                 f"{', '.join(sorted(allowed))}")
            if not given and name in (where, *needs):
                raise ValueError(f"{name}: a {self.kind} needs it")
        for name in ("ports", "lanes"):
            if getattr(self, name) == ():
                raise ValueError(f"{name} = []: at least one must be given")
        if self.to_us is not None and self.to_us <= self.from_us:
            raise ValueError(f"to_us = {self.to_us:g}: must be after from_us = {self.from_us:g}")
        if self.kind == "flap" and self.down_us >= self.period_us:
            raise ValueError(f"down_us = {self.down_us:g}: must be below period_us = "
                             f"{self.period_us:g}")
        return self


class FaultSchedule(BaseModel):
    """Faults of a run, in any order."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fault: tuple[Fault, ...] = ()
    reroute_us: Time | None = None

    @classmethod
    def of(cls, faults=(), *, reroute_us=None, name: str = "faults") -> FaultSchedule:
        """From faults, as :class:`Fault` or as mappings.

        Raises
        ------
        ConfigError
            A fault that cannot be.
        """
        faults = [fault.model_dump(exclude_unset=True) if isinstance(fault, Fault) else fault
                  for fault in faults]
        return cls._checked({"fault": faults, "reroute_us": reroute_us}, name)

    @classmethod
    def read(cls, path) -> FaultSchedule:
        """From a TOML file of `[[fault]]` tables.

        Raises
        ------
        ConfigError
            The file cannot be read, or a fault in it cannot be.
        """
        path = Path(path)
        try:
            fields = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ConfigError(f"faults {path}: {error}".replace("\n", " ")) from None
        return cls._checked(fields, f"faults {path}")

    @classmethod
    def _checked(cls, fields, name) -> FaultSchedule:
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "fault"
            text = first["msg"].removeprefix("Value error, ")
            given = "" if first["type"] in ("value_error", "missing") else \
                f" = {first['input']!r}"
            raise ConfigError(f"{name}: {where}{given}: {text}") from None
