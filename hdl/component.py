"""The base of every component: exported as one Verilog module, however often it is used."""

import functools
from dataclasses import is_dataclass
from enum import Enum

from amaranth.hdl import Shape
from amaranth.lib import data, wiring
from pydantic import BaseModel


class Component(wiring.Component):
    """A component whose copies, made from the same arguments, are one module of the export.

    Its elaboration asks the platform, when that has a `place` (see
    :class:`lightloom.hdl.export.Modules`), for an instance of the module; in a simulation or a
    proof there is none, and it is elaborated in its place.
    """

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "elaborate" in vars(cls):
            cls.elaborate = _placed(cls.elaborate)

    def made_from(self) -> str | None:
        """What decides all that is in it: its class, its ports, and the values that it keeps.

        None when it keeps something that cannot be told from its text.
        """
        kind, members = type(self), self.signature.members
        kept = {field: value for field, value in vars(self).items()
                if field not in members and not field.startswith(("_MustUse__", "_Component__"))}
        if not all(_is_plain(value) for value in kept.values()):
            return None
        ports = [(path, member.flow, Shape.cast(member.shape), member.shape)
                 for path, member, _ in self.signature.flatten(self)]
        return f"{kind.__module__}.{kind.__qualname__} {kept!r} {ports!r}"


def _placed(elaborate):
    """`elaborate` of a class, for whoever uses the component rather than builds on its class."""
    @functools.wraps(elaborate)
    def placed(self, platform):
        used = type(self).elaborate is placed and hasattr(platform, "place")
        made = platform.place(self) if used else None
        return elaborate(self, platform) if made is None else made
    return placed


def _is_plain(value) -> bool:
    """Whether the text of `value` says all of it."""
    if isinstance(value, (tuple, list)):
        return all(map(_is_plain, value))
    plain = (bool, int, str, Enum, BaseModel, Shape, data.Layout)
    return value is None or isinstance(value, plain) or is_dataclass(value)
