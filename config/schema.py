"""The one configuration: a TOML file becomes a typed, validated :class:`Config`.

The RTL generator, the testbenches and the golden model read the same object. Everything that
can be derived and is shared (widths of interfaces, round trip, frame capacity) is derived once, in
:mod:`lightloom.config.derived`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Count = Annotated[int, Field(strict=True)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Chiplet(Section):
    host_ports: Annotated[Count, Field(ge=0, le=64)]
    optical_ports: Annotated[Count, Field(ge=0, le=64)]
    flit_bytes: Literal[8, 16, 32, 64]
    vcs: Annotated[Count, Field(ge=1, le=8)]
    endpoints: Annotated[Count, Field(ge=2, le=4096)]
    core_mhz: Annotated[float, Field(strict=True, gt=0, le=5000)]


class Serdes(Section):
    lanes: Annotated[Count, Field(ge=1, le=16)]
    lane_gbps: Annotated[float, Field(strict=True, gt=0, le=256)]
    word_bits: Literal[16, 20, 32, 40, 64, 66]
    marker_period: Annotated[Count, Field(ge=16, le=65536)]
    deskew_blocks: Annotated[Count, Field(ge=4, le=256)]
    slip: Literal["gearbox", "request"]
    fec: Literal["none", "rs152", "rs544"]
    diagnostics: Annotated[bool, Field(strict=True)]
    clock_ppm: Annotated[Count, Field(ge=0, le=1000)]


class Link(Section):
    frame_flits: Annotated[Count, Field(ge=1, le=64)]
    replay_flits: Annotated[Count, Field(ge=8, le=8192)]
    keepalive_cycles: Annotated[Count, Field(ge=16, le=65536)]
    replay_limit: Annotated[Count, Field(ge=2, le=255)]
    lane_budget: Annotated[Count, Field(ge=1, le=65535)]
    lane_retry_cycles: Annotated[Count, Field(ge=1024, le=1_048_576)]


class Xbar(Section):
    vc_depth: Annotated[Count, Field(ge=4, le=8192)]
    max_packet_flits: Annotated[Count, Field(ge=1, le=1024)]
    egress_depth: Annotated[Count, Field(ge=8, le=64)]
    stages: Literal[1, 2]
    iterations: Annotated[Count, Field(ge=1, le=4)]
    queues: Literal["voq", "fifo"]
    ecmp: Literal["hash", "occupancy", "lowest"]
    multicast: Annotated[bool, Field(strict=True)]
    source_routing: Annotated[bool, Field(strict=True)]
    voq_limit: Annotated[Count, Field(ge=0, le=8192)]
    hold_cycles: Annotated[Count, Field(ge=1, le=1_048_576)]
    statistics: Annotated[bool, Field(strict=True)]


class Rack(Section):
    topology: Literal["clos2", "direct", "butterfly", "torus", "mesh", "file"]
    endpoints: Annotated[Count, Field(ge=2, le=4096)]
    radix: Annotated[Count, Field(ge=2, le=64)]
    fibre_m: Annotated[float, Field(strict=True, gt=0, le=2000)]
    routing: Literal["minimal", "ecmp", "valiant", "ugal"] = "minimal"
    planes: Annotated[Count, Field(ge=1, le=64)] = 1
    links: Literal["optical", "ideal"] = "optical"
    switch_endpoints: Annotated[Count, Field(ge=0, le=64)] = 0
    uplinks: Annotated[Count, Field(ge=0, le=64)] = 0
    spines: Annotated[Count, Field(ge=0, le=64)] = 0
    dims: tuple[Annotated[Count, Field(ge=2, le=4096)], ...] = ()
    file: str = ""

    @property
    def down(self) -> int:
        """Endpoints of a leaf, or of each switch of a butterfly, torus or mesh."""
        return self.switch_endpoints or (self.radix // 2 if self.topology == "clos2" else 1)

    @property
    def up(self) -> int:
        """Fibres from a leaf of a clos2 to its spines."""
        return self.uplinks or self.radix - self.down

    @property
    def spine_count(self) -> int:
        """Spines of a clos2: each leaf has `up` / `spine_count` fibres to each."""
        return self.spines or self.up

    @property
    def classes(self) -> int:
        """Classes of VCs that routing needs (docs/topologies.md); a file may need more."""
        if self.topology == "torus":
            return 2 ** sum(size > 4 for size in self.dims)
        detours = self.topology == "butterfly" and self.routing in ("valiant", "ugal")
        return 2 ** len(self.dims) if detours else 1


class Fields(Section):
    """The fields of one TOML file, each checked on its own."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    chiplet: Chiplet
    serdes: Serdes
    link: Link
    xbar: Xbar
    rack: Rack


class Config(Fields):
    """A configuration that can work: fields, and the relations between them."""

    @model_validator(mode="after")
    def _relations(self) -> Config:
        from .relations import check

        check(self)
        return self

    @property
    def derived(self):
        """Widths, capacities and delays that follow from the fields (cached)."""
        from .derived import derive

        return derive(self)
