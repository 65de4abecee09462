"""Time zones by name or offset, read from the system's zone database, else from the package `tzdata`. A zone
is cached until `forget`, which is called when the database may have changed.
"""

import re
from datetime import UTC, timedelta, timezone, tzinfo
from functools import lru_cache
from hashlib import sha256
from importlib import import_module, resources
from io import BytesIO
from pathlib import Path
from typing import NamedTuple
from zoneinfo import TZPATH, ZoneInfo

_NAME = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*")
_OFFSET = re.compile(r"([+-])([01][0-9]|2[0-3]):?([0-5][0-9])")
_VERSION = re.compile(r"# version (\S+)")


class UnknownZoneError(ValueError):
    """There is no such zone in the database."""


class Zone(NamedTuple):
    """A zone and a digest of its rules, which changes with them."""

    name: str
    rules: tzinfo
    digest: str


class Database(NamedTuple):
    """The source of zones: `system` or `tzdata`, and its version if known."""

    source: str
    version: str | None


@lru_cache(maxsize=1024)
def zone(name: str) -> Zone:
    """Return the zone of a name such as `Europe/Prague`, `UTC`, or an offset such as `+05:30`."""
    if name == "UTC":
        return Zone(name, UTC, "")
    if offset := _OFFSET.fullmatch(name):
        sign, hours, minutes = offset.groups()
        ahead = timedelta(hours=int(hours), minutes=int(minutes))
        return Zone(name, timezone(ahead if sign == "+" else -ahead), "")
    rules = _file(name) if _NAME.fullmatch(name) else None
    if rules is None:
        raise UnknownZoneError(
            f'There is no time zone {name!r}: write a name of the zone database such as "Europe/Prague", '
            '"UTC", or an offset such as "+05:30"'
        )
    return Zone(name, ZoneInfo.from_file(BytesIO(rules), key=name), sha256(rules).hexdigest()[:16])


def forget() -> None:
    """Clear the cache: zones are read again on next use."""
    zone.cache_clear()


def database() -> Database:
    """Return the source of most zones on this machine."""
    for folder in TZPATH:
        for index in ("tzdata.zi", "+VERSION"):
            try:
                text = (Path(folder) / index).read_text("utf-8")[:200]
            except OSError:
                continue
            found = _VERSION.search(text)
            return Database("system", found[1] if found else text.strip() or None)
        if (Path(folder) / "Europe").is_dir():
            return Database("system", None)
    try:
        return Database("tzdata", import_module("tzdata").IANA_VERSION)
    except ModuleNotFoundError:
        return Database("none", None)


def _file(name: str) -> bytes | None:
    """Return the compiled rules of a zone, or None."""
    for folder in TZPATH:
        try:
            found = (Path(folder) / name).read_bytes()
        except (OSError, ValueError):
            continue
        if found.startswith(b"TZif"):
            return found
    try:
        package = resources.files("tzdata") / "zoneinfo"
        found = package.joinpath(*name.split("/")).read_bytes()
    except (ModuleNotFoundError, OSError, ValueError):
        return None
    return found if found.startswith(b"TZif") else None
