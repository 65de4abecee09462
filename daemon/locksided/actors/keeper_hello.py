"""What a keeper says of itself when it is greeted, as far as every version of it says it."""

from typing import Any

import msgspec

from locksided.keeper import build, wire

VERSION = wire.VERSION
BUILD = build.fingerprint()
"""Of the keeper that is installed, when this daemon started."""


class KeptRun(msgspec.Struct, frozen=True, rename="camel"):
    """One start that a keeper has: it lives, or its outcome is not acknowledged yet."""

    token: str
    state: str
    paused: bool = False
    pid: int | None = None
    spawn_time: int | None = None
    outcome: dict[str, Any] | None = None


class Hello(msgspec.Struct, frozen=True, rename="camel"):
    """A keeper's hello. What later releases added is passed over or has a default."""

    version: int
    pid: int
    runs: tuple[KeptRun, ...]
    build: str = ""
    cgroups: bool = False
    strays: tuple[dict[str, Any], ...] = ()
