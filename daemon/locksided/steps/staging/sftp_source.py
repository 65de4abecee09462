"""Files of sftp servers, whose keys must be known."""

import io
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import paramiko

from lockside.documents.staging import options_of
from locksided import clock
from locksided.notifications.addresses import Target
from locksided.steps.connecting import Blocked, connected
from locksided.steps.staging.networks import Networks
from locksided.steps.staging.sources import TIMEOUT_SECONDS, Broken, Missing, Opened, Refused, Stamp

PORT = 22
OPTIONS = ("user", "password", "privateKey", "hostKey")


@dataclass(frozen=True, slots=True)
class SftpSource:
    """What a path gives; without options, with the job's user's own keys and known hosts."""

    url: str
    options: Mapping[str, Any]
    networks: Networks

    @contextmanager
    def open(self, offset: int, known: Stamp | None) -> Iterator[Opened]:
        """See `Source`."""
        try:
            with self._session() as session, session.open_sftp() as files:
                path = unquote(urlsplit(self.url).path)
                about = files.stat(path)
                modified = None if about.st_mtime is None else clock.to_text(about.st_mtime * 1_000_000)
                stamp = Stamp(about.st_size, None, modified)
                start = offset if stamp == known and stamp.is_strong else 0
                with files.open(path, "rb") as file:
                    file.seek(start)
                    file.prefetch(about.st_size)
                    yield Opened(file, start, stamp)
        except FileNotFoundError:
            raise Missing("there is no such file") from None
        except (Blocked, PermissionError, paramiko.AuthenticationException) as problem:
            raise Refused(str(problem)) from None
        except (paramiko.SSHException, OSError, EOFError) as problem:
            raise Broken(f"{type(problem).__name__}: {problem}") from None

    @contextmanager
    def _session(self) -> Iterator[paramiko.SSHClient]:
        parts, options = urlsplit(self.url), options_of(self.options, OPTIONS)
        target = Target(parts.scheme, parts.hostname or "", parts.port or PORT)
        with paramiko.SSHClient() as session:
            session.set_missing_host_key_policy(_Refuse())
            _learn_key(session, target, options.get("hostKey"))
            session.connect(
                target.host,
                target.port,
                username=options.get("user", parts.username),
                password=options.get("password"),
                pkey=_key(options.get("privateKey")),
                allow_agent=False,
                look_for_keys=not _is_authentic(options),
                sock=connected(target, self.networks, TIMEOUT_SECONDS),
                timeout=TIMEOUT_SECONDS,
            )
            yield session


class _Refuse(paramiko.MissingHostKeyPolicy):
    def missing_host_key(self, _: object, hostname: str, key: paramiko.PKey) -> None:
        """Refuses, and shows what would have to be trusted."""
        raise Refused(
            f"the key of {hostname} is not known; if `{key.get_name()} {key.get_base64()}` is its key, "
            "give it as `hostKey` in `options`"
        )


def _is_authentic(options: Mapping[str, Any]) -> bool:
    return "password" in options or "privateKey" in options


def _learn_key(session: paramiko.SSHClient, target: Target, host_key: str | None) -> None:
    if host_key is None:
        session.load_system_host_keys()
        return
    kind, _, text = host_key.partition(" ")
    named = target.host if target.port == PORT else f"[{target.host}]:{target.port}"
    try:
        key = paramiko.PKey.from_type_string(kind, b64decode(text.split(" ")[0]))
    except (ValueError, paramiko.SSHException) as problem:
        raise Refused(f"`hostKey` is no key as in a file known_hosts: {problem}") from None
    session.get_host_keys().add(named, kind, key)


def _key(text: str | None) -> paramiko.PKey | None:
    """A private key of any kind, in the form of OpenSSH."""
    for kind in () if text is None else (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            key: paramiko.PKey = kind.from_private_key(io.StringIO(text))
        except paramiko.SSHException:
            continue
        return key
    if text is not None:
        raise Refused("`#privateKey` is no private key of the form of OpenSSH, or has a password")
    return None
