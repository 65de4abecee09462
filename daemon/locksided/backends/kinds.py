"""The kinds of executors beside `local`: those that come with lockside, and those of plug-ins.

A plug-in is an entry point in the group `lockside.executors`. Its description is read by a separate process,
so none of its code is imported here, and a faulty plug-in does no harm.
"""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema_rs

from lockside.documents.paths import join
from locksided import threads
from locksided.backends.keepers import KeeperRelease
from locksided.backends.messages import VERSION
from locksided.backends.process import launch_program
from locksided.backends.sockets import clear, is_alive
from locksided.executors.plugins import build_of, plugins, version_of

OWN = ("slurm",)
DESCRIBED_WITHIN_SECONDS = 30.0
_capabilities: dict[str, frozenset[str]] = {}
"""Of the kinds that have been described since this daemon started."""


@dataclass(frozen=True, slots=True)
class Kind:
    """The description of a kind. `cause` says why it cannot be used."""

    name: str
    version: str
    argv: tuple[str, ...] = ()
    options_schema: dict[str, Any] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ()
    cause: str | None = None

    def trouble(self, options: dict[str, Any]) -> tuple[str, str] | None:
        """Return the path of the first invalid option, and why it is invalid; None if all are valid."""
        for error in jsonschema_rs.validator_for(self.options_schema).iter_errors(options):
            steps = [*error.instance_path, *_named(error.kind)]
            return join("", *steps), _describe(error)
        return None


def _named(kind: Any) -> list[str]:
    """Return the unknown or missing member: an error's path is that of the object around it."""
    unexpected: list[str] = getattr(kind, "unexpected", [])
    return unexpected[:1] or [name for name in [getattr(kind, "property", None)] if name is not None]


def _describe(error: jsonschema_rs.ValidationError) -> str:
    """Describe an error, without a regular expression where possible."""
    match error.kind.as_dict():
        case {"property": str(name)}:
            return f"it is required: give `--option {name}=…`, or name it in `options`"
        case {"unexpected": _}:
            return "there is no such option"
        case {"pattern": str(pattern)} if re.fullmatch(r"\^[/\w-]+", pattern):
            return f"it must begin with {pattern[1:]}"
        case {"schema": {"const": value}}:
            return f"{value} is not taken"
        case _:
            return error.message


def release_of(name: str) -> KeeperRelease:
    """Return the release in the hello of an executor of this kind that runs the installed code."""
    return KeeperRelease(VERSION, build_of(name))


def kind_names() -> list[str]:
    """Return the existing kinds, beside `local`."""
    return sorted({*OWN, *plugins()})


async def described(name: str) -> Kind:
    """Return the description of a kind."""
    kind = await threads.run_sync(_load_kind, name)
    if kind.cause is None:
        _capabilities[name] = frozenset(kind.capabilities)
    return kind


def capabilities_of(name: str) -> frozenset[str] | None:
    """Return the capabilities of a kind; None if it was not described yet."""
    return _capabilities.get(name)


def _load_kind(name: str) -> Kind:
    plugin = plugins().get(name)
    version = version_of(plugin)
    if plugin is None and name not in OWN:
        return Kind(
            name, version, cause=f"there is no executor {name!r}; there are local, {', '.join(kind_names())}"
        )
    asked = [sys.executable, "-m", "locksided.executors", "--describe", name]
    try:
        finished = subprocess.run(asked, capture_output=True, timeout=DESCRIBED_WITHIN_SECONDS, check=False)
        if finished.returncode:
            return Kind(name, version, cause=_last_line(finished.stderr))
        description = json.loads(finished.stdout)
        kind = Kind(
            name,
            version,
            tuple(map(str, description["argv"])),
            dict(description.get("optionsSchema") or {}),
            tuple(map(str, description.get("capabilities") or ())),
        )
        jsonschema_rs.validator_for(kind.options_schema)
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError) as error:
        return Kind(name, version, cause=f"it does not say what it is: {type(error).__name__}: {error}")
    return kind


def _last_line(text: bytes) -> str:
    lines = text.decode(errors="replace").strip().splitlines()
    return lines[-1][:500] if lines else "it ended without a word"


class ExecutorSocket:
    """The one socket of a kind: in the folder `given`, where connecting starts an executor, else in the state
    folder, where the daemon starts it.
    """

    def __init__(self, folder: Path, name: str, linger_seconds: float, given: str = "") -> None:
        self._folder = folder
        self._is_given = bool(given)
        self._path = (Path(given) if given else folder) / f"{name}.sock"
        self._name = name
        self._linger_seconds = linger_seconds

    def live(self) -> list[Path]:
        return [self._path] if is_alive(self._path) else []

    def is_alive(self, path: Path) -> bool:
        return is_alive(path)

    def free(self, taken: Any) -> Path | None:
        return None if self._path in taken else self._path

    async def start_keeper(self, path: Path) -> None:
        if self._is_given or is_alive(path):
            return
        kind = await described(self._name)
        if kind.cause is not None:
            raise OSError(f"the executor {self._name} cannot be used: {kind.cause}")
        self._folder.mkdir(mode=0o700, exist_ok=True)
        options = ["--socket", str(path), "--state", str(self._folder / self._name)]
        options += ["--linger", f"{self._linger_seconds:g}", "--build", release_of(self._name).build]
        environment = {**os.environ, "LANG": "C.UTF-8"}
        log_file = self._folder / f"{self._name}.log"
        await threads.run_sync(launch_program, [*kind.argv, *options], environment, log_file)

    def clear(self, path: Path) -> None:
        if not self._is_given:
            clear(path)
