"""Files of what fsspec has a package for. The package connects by itself, so its sockets are judged."""

import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from shutil import copyfileobj
from typing import Any, BinaryIO, ClassVar
from urllib.parse import urlsplit

import fsspec

from locksided import clock
from locksided.notifications.addresses import Target
from locksided.steps.connecting import Blocked, address_of
from locksided.steps.program import ApplicationFault, UserFault
from locksided.steps.staging.http_source import is_transient
from locksided.steps.staging.networks import Networks
from locksided.steps.staging.remote import Readable, arriving, broken
from locksided.steps.staging.sources import CHUNK_BYTES, Broken, Missing, Refused, Stamp

_FAMILIES = (socket.AF_INET, socket.AF_INET6)
_TIMES = ("last_modified", "LastModified", "modified", "mtime")
_judging: list[Networks] = []
"""What the connections of this process are judged by, of all its threads: a hook cannot be taken off."""


@contextmanager
def fsspec_session(url: str, options: Mapping[str, Any], networks: Networks) -> Iterator["FsspecSession"]:
    """The file system of a URL. Raises Missing, Refused, Broken, whatever is done with it."""
    parts, secrets = urlsplit(url), list[str]()
    given = _plain(options, secrets)
    try:
        with _judged(networks):
            kind = fsspec.get_filesystem_class(parts.scheme)
            files = kind(**{**kind._get_kwargs_from_urls(url), **given}, skip_instance_cache=True)
            yield FsspecSession(files, f"{parts.scheme}://{parts.netloc}")
    except (Refused, Broken, UserFault, ApplicationFault):
        raise
    except Exception as problem:  # noqa: BLE001 - each package has faults of its own
        raise _told(problem, secrets) from None


def _plain(options: Mapping[str, Any], secrets: list[str]) -> dict[str, Any]:
    """Options by the names that the package knows; adds what is secret of them to `secrets`."""
    secrets += [str(value) for name, value in options.items() if name.startswith("#")]
    return {
        name.removeprefix("#"): _plain(value, secrets) if isinstance(value, dict) else value
        for name, value in options.items()
    }


@contextmanager
def _judged(networks: Networks) -> Iterator[None]:
    _hook()
    _judging.append(networks)
    try:
        yield
    finally:
        _judging.remove(networks)


@cache
def _hook() -> None:
    sys.addaudithook(_judge)


def _judge(event: str, args: tuple[Any, ...]) -> None:
    """Refuses a name that is denied, and an address that may not be connected to."""
    if not _judging:
        return
    if event == "socket.getaddrinfo" and isinstance(args[0], str):
        target = Target("", args[0], args[1])
        if any(one.deny.has_host(target) for one in _judging):
            raise Blocked(f"{args[0]} is not in {_judging[0].rule}")
    if event == "socket.connect" and args[0].family in _FAMILIES:
        host, port = args[1][:2]
        if not all(one.may_connect(Target("", host, port), address_of(args[1])) for one in _judging):
            raise Blocked(f"{host} is not in {_judging[0].rule}")


def _told(problem: Exception, secrets: list[str]) -> Exception:
    """What a fault is to the one who fetches, without secrets. A status of http tells whose it is."""
    if isinstance(problem, FileNotFoundError):
        return Missing("there is no such file")
    answer = getattr(problem, "response", None)
    status = getattr(problem, "status_code", None) or getattr(answer, "status_code", None)
    text = f"{type(problem).__name__}: {problem}"
    for secret in secrets:
        text = text.replace(secret, "***")
    is_refusal = isinstance(status, int) and 400 <= status < 500 and not is_transient(status)
    if is_refusal or isinstance(problem, Blocked | PermissionError | ImportError | TypeError | ValueError):
        return Refused(text)
    return broken(problem) if isinstance(problem, OSError) else Broken(text)


@dataclass(frozen=True, slots=True)
class FsspecSession:
    """See `Session`. `server` stands before the paths in the URLs of the file system."""

    checksum: ClassVar[str | None] = None
    files: Any
    server: str

    def stamp(self, path: str) -> Stamp:
        self.files.invalidate_cache()
        about = self.files.info(self._named(path))
        if about["type"] == "directory":
            raise Refused("it is not a regular file")
        modified = next((about[name] for name in _TIMES if about.get(name)), None)
        return Stamp(about["size"], about.get("etag") or about.get("ETag"), _rfc_3339(modified))

    def real(self, path: str) -> str:
        return path

    @contextmanager
    def reading(self, path: str, offset: int) -> Iterator[BinaryIO | Any]:
        with self.files.open(self._named(path), "rb") as file:
            file.seek(offset)
            yield file

    def make_folder(self, path: str) -> None:
        self.files.makedirs(self._named(path), exist_ok=True)

    def put(self, path: str, content: Readable, size_bytes: int) -> None:
        with arriving(self._named(path), self.files.rm_file) as part:
            with self.files.open(part, "wb") as file:
                copyfileobj(content, file, CHUNK_BYTES)
            self.files.mv(part, self._named(path))

    def remove(self, path: str) -> None:
        self.files.rm_file(self._named(path))

    def names(self, path: str) -> list[str]:
        return [one.rstrip("/").rpartition("/")[2] for one in self.files.ls(self._named(path), detail=False)]

    def _named(self, path: str) -> str:
        named: str = self.files._strip_protocol(self.server + path)
        return named


def _rfc_3339(moment: object) -> str | None:
    if isinstance(moment, datetime):
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return clock.to_text(round(moment * 1e6)) if isinstance(moment, int | float) else None
