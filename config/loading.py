"""Read a configuration: a shipped profile by name, or any TOML file by path."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path

from pydantic import ValidationError

from .relations import RelationError
from .schema import Config


class ConfigError(Exception):
    """A configuration that cannot be used; its text is one line for the user."""


def profiles() -> list[str]:
    """Names of the profiles that ship with Lightloom."""
    folder = resources.files("lightloom.config") / "profiles"
    names = (file.name for file in folder.iterdir())
    return sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml"))


def load(profile: str | Path) -> Config:
    """Load a shipped profile (``"sim"``) or a TOML file (``"my/rack.toml"``).

    Raises
    ------
    ConfigError
        With one line that names the file, the field, its value and what is allowed.
    """
    name = str(profile)
    if name in profiles():
        source = resources.files("lightloom.config") / "profiles" / f"{name}.toml"
    elif name.endswith(".toml"):
        source = Path(name)
    else:
        raise ConfigError(f"profile {name!r}: not one of {', '.join(profiles())}, nor a .toml file")
    try:
        text = source.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"config {name}: cannot be read: {reason}") from None
    return loads(text, origin=name)


def loads(text: str, *, origin: str = "<string>") -> Config:
    """Parse and validate TOML text; `origin` names it in errors."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"config {origin}: not valid TOML: {error}") from None
    return build(data, origin=origin)


def build(data: dict, *, origin: str = "<dict>") -> Config:
    """Validate a nested dict of fields."""
    try:
        return Config.model_validate(data)
    except ValidationError as error:
        raise ConfigError(f"config {origin}: {_one_line(error)}") from None


def override(cfg: Config, **changes) -> Config:
    """A copy of `cfg` with fields replaced, e.g. ``override(cfg, xbar__vc_depth=64)``."""
    data = cfg.model_dump()
    for path, value in changes.items():
        section, _, field = path.rpartition("__")
        (data[section] if section else data)[field] = value
    return build(data, origin=cfg.name)


def _one_line(error: ValidationError) -> str:
    # A misspelt field is also a missing one: the user wants to hear of what is there.
    errors = error.errors(include_url=False)
    first = next((each for each in errors if each["type"] == "extra_forbidden"), errors[0])
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, RelationError):
        return str(cause)
    field = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        return f"{field}: missing, required"
    if first["type"] == "extra_forbidden":
        return f"{field} = {first['input']!r}: no such field"
    message = first["msg"][0].lower() + first["msg"][1:]
    return f"{field} = {first['input']!r}: {_with_range(field, message)}"


def _with_range(field: str, message: str) -> str:
    """Add the whole allowed range where a bound was crossed."""
    section, _, name = field.partition(".")
    model = Config.model_fields[section].annotation if name else Config
    info = getattr(model, "model_fields", {}).get(name or section)
    bounds = []
    for meta in getattr(info, "metadata", []):
        for attribute, sign in (("ge", ">="), ("gt", ">"), ("le", "<="), ("lt", "<")):
            limit = getattr(meta, attribute, None)
            if limit is not None:
                bounds.append(f"{sign} {limit}")
    return f"{message} (allowed: {' and '.join(bounds)})" if bounds else message
