"""One configuration, read by the RTL generator, the testbenches and the golden model."""

from .derived import (
    CROSSING_DEPTH,
    FEC_BLOCKS,
    FEC_LATENCY,
    HIGH_BER_BLOCKS,
    LANE_LEAK_CYCLES,
    STAGES,
    Derived,
    scrambler_seed,
)
from .loading import ConfigError, build, load, loads, override, profiles
from .schema import Config

__all__ = ["CROSSING_DEPTH", "FEC_BLOCKS", "FEC_LATENCY", "HIGH_BER_BLOCKS",
           "LANE_LEAK_CYCLES", "STAGES", "Config", "ConfigError", "Derived", "build", "load",
           "loads", "override", "profiles", "scrambler_seed"]
