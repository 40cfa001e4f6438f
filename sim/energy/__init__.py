"""Power and energy of the photonic rack and of the copper baseline (docs/energy.md)."""

from .constants import Constant, Constants, load_constants, table
from .copper import copper_power
from .photonic import Activity, activity_of, energy, photonic_power

__all__ = ["Activity", "Constant", "Constants", "activity_of", "copper_power", "energy",
           "load_constants", "photonic_power", "table"]
