"""Profiles of ERPs: calls and mapping, with the retailer's own settings."""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from foundation.messages import settings as messages

PROFILES = Path(__file__).parents[2] / "profiles"
SETTINGS = frozenset(
    {
        "profile",
        "base_url",
        "state",
        "state_file",
        "state_env",
        "secrets",
        "values",
        "codes",
        "changes",
        "rate",
        "timeout_seconds",
        "settle_seconds",
    }
)
PARTS = frozenset(
    {
        "name",
        "base_url",
        "auth",
        "rate",
        "formats",
        "order",
        "customer",
        "cancel",
        "changes",
        "errors",
        "values",
        "settle_seconds",
    }
)
CALL = frozenset(
    {"method", "path", "query", "body", "encoding", "items", "id", "match", "alike", "document"}
)
AUTH = {
    "header": ("secret",),
    "basic": ("user", "password"),
    "body": ("fields",),
    "oauth2": ("token_url", "client_id", "client_secret", "refresh_token"),
}
ADDRESS = re.compile(r"rest:(?://)?(?P<path>/?[^?#]+)")


class ProfileError(Exception):
    """A profile or its settings are invalid. The message names the file and the key."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile with its settings."""

    name: str
    base_url: str
    parts: Mapping[str, Any]
    values: Mapping[str, Any]
    codes: Mapping[str, Mapping[str, Any]]
    state_url: str = field(repr=False)
    secrets: Mapping[str, str] = field(repr=False)
    timeout_seconds: float = 20.0

    def part(self, name: str) -> Mapping[str, Any]:
        """Return a table of the profile, or an empty one."""
        part: Mapping[str, Any] = self.parts.get(name, {})
        return part


def load(url: str) -> Profile:
    """Read the settings that ``rest:///path/to/erp.toml`` names, and their profile.

    Raises:
        ProfileError: a key or a file is missing or misspelt.
    """
    match = ADDRESS.fullmatch(url)
    if match is None:
        raise ProfileError(messages.PROFILE_URL())
    path = Path(match["path"])
    settings = _read(path)
    _known(settings, SETTINGS, path)
    if not isinstance(settings.get("profile"), str):
        raise ProfileError(messages.PROFILE_UNNAMED(file=path, known=", ".join(shipped())))
    source, parts = _profile(settings["profile"], path)
    _known(parts, PARTS, source)
    _check(parts, source)
    base = str(settings.get("base_url", parts["base_url"])).rstrip("/")
    if not base.startswith(("https://", "http://")):
        raise ProfileError(messages.BASE_URL_WRONG(file=path))
    if "settle_seconds" in settings:
        parts["settle_seconds"] = settings["settle_seconds"]
    timeout = settings.get("timeout_seconds", 20)
    if not isinstance(timeout, int | float) or not 1 <= timeout <= 30:
        raise ProfileError(messages.TIMEOUT_WRONG(file=path, seconds=timeout))
    for name in ("rate", "changes"):
        parts[name] = {**parts.get(name, {}), **settings.get(name, {})}
    return Profile(
        name=str(parts.get("name", settings["profile"])),
        base_url=base,
        parts=parts,
        values={**parts.get("values", {}), **settings.get("values", {})},
        codes=settings.get("codes", {}),
        state_url=_secret(settings, "state", path) or "sqlite:///var/rest.db",
        secrets=_secrets(settings.get("secrets", {}), path),
        timeout_seconds=float(timeout),
    )


def shipped() -> list[str]:
    """Return the names of the shipped profiles."""
    return sorted(path.stem for path in PROFILES.glob("*.toml"))


def _profile(named: str, settings: Path) -> tuple[Path, dict[str, Any]]:
    if named in shipped():
        source = PROFILES / f"{named}.toml"
    else:
        source = settings.parent / named
        if not source.exists():
            known = ", ".join(shipped())
            raise ProfileError(messages.PROFILE_UNKNOWN(file=settings, profile=named, known=known))
    return source, _read(source)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ProfileError(messages.PROFILE_UNREADABLE(file=path, error=error)) from None


def _known(table: Mapping[str, Any], known: frozenset[str], where: object) -> None:
    if unknown := sorted(set(table) - known):
        raise ProfileError(
            messages.PROFILE_KEY_UNKNOWN(
                place=where, key=unknown[0], known=", ".join(sorted(known))
            )
        )


def _check(parts: Mapping[str, Any], source: Path) -> None:
    for name in ("base_url", "auth", "order"):
        if name not in parts:
            raise ProfileError(messages.PROFILE_KEY_MISSING(file=source, key=name))
    kind = parts["auth"].get("kind")
    if kind not in AUTH:
        raise ProfileError(messages.AUTH_UNKNOWN(file=source, known=", ".join(AUTH)))
    if missing := [key for key in AUTH[kind] if key not in parts["auth"]]:
        raise ProfileError(messages.PROFILE_KEY_MISSING(file=source, key=f"auth.{missing[0]}"))
    for table in ("order", "customer"):
        for call in ("find", "create") if table in parts else ():
            spec = parts[table].get(call)
            if not isinstance(spec, dict) or "path" not in spec or "id" not in spec:
                raise ProfileError(messages.CALL_INCOMPLETE(file=source, call=f"{table}.{call}"))
            _known(spec, CALL, f"{source}: {table}.{call}")


def _secrets(table: Mapping[str, Any], path: Path) -> dict[str, str]:
    names = {re.sub(r"_(file|env)$", "", key) for key in table}
    return {name: _secret(table, name, path) or "" for name in names}


def _secret(table: Mapping[str, Any], name: str, path: Path) -> str | None:
    if name in table:
        return str(table[name])
    if variable := table.get(f"{name}_env"):
        if variable not in os.environ:
            raise ProfileError(
                messages.PROFILE_VARIABLE_MISSING(file=path, key=name, variable=variable)
            )
        return os.environ[variable]
    if file := table.get(f"{name}_file"):
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ProfileError(
                messages.PROFILE_SECRET_UNREADABLE(file=path, key=name, error=error)
            ) from None
    return None
