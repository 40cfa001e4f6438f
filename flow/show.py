"""Print a configuration: its fields, and all that follows from them."""

from __future__ import annotations

from dataclasses import asdict

from rich.console import Console
from rich.table import Table


def show(cfg) -> None:
    """Two tables: what the file says, and what is derived."""
    console = Console()
    given = Table("field", "value", title=f"profile {cfg.name}")
    for section, fields in cfg.model_dump().items():
        if isinstance(fields, dict):
            for field, value in fields.items():
                given.add_row(f"{section}.{field}", str(value))
    console.print(given)
    derived = Table("derived", "value")
    for field, value in asdict(cfg.derived).items():
        derived.add_row(field, f"{value:g}" if isinstance(value, float) else str(value))
    console.print(derived)
