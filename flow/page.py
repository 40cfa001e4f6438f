"""Pages that are made of a template."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from .errors import FlowError


def write(template: Path, path: Path, filters=None, **fields) -> Path:
    """Fill a template of Jinja's and write the page; its path.

    Text of an HTML page is escaped.

    Raises
    ------
    FlowError
        When the page cannot be written.
    """
    environment = Environment(
        loader=FileSystemLoader(template.parent), autoescape=".html" in template.suffixes,
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= filters or {}
    text = environment.get_template(template.name).render(**fields)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise FlowError(f"report {path}: cannot be written: {error.strerror or error}") from None
    return path
