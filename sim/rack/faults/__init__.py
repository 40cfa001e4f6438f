"""Faults of a rack: schedules, what they do to a fabric, and what they cost (docs/faults.md)."""

from .ledger import Ledger, ledger
from .radius import blast_radius, summary
from .schedule import KINDS, Fault, FaultSchedule
from .timeline import Timeline

__all__ = ["KINDS", "Fault", "FaultSchedule", "Ledger", "Timeline", "blast_radius", "ledger",
           "summary"]
