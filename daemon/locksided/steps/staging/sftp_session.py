"""Files of sftp servers, whose keys must be known."""

import io
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from posixpath import dirname
from typing import Any, BinaryIO, ClassVar, cast
from urllib.parse import urlsplit

import paramiko

from lockside.documents.staging import options_of
from locksided import clock
from locksided.notifications.addresses import Target
from locksided.steps.connecting import Blocked, connected
from locksided.steps.staging.networks import Networks
from locksided.steps.staging.remote import Readable, arriving, broken
from locksided.steps.staging.sources import TIMEOUT_SECONDS, Missing, Refused, Stamp

PORT = 22
OPTIONS = ("user", "password", "privateKey", "hostKey")


@contextmanager
def sftp_session(url: str, options: Mapping[str, Any], networks: Networks) -> Iterator["SftpSession"]:
    """Open a connection to a server; by default with the keys and known hosts of the job's user.

    Any use of it raises Missing, Refused or Broken.
    """
    try:
        with _connected(url, options_of(options, OPTIONS), networks) as client, client.open_sftp() as files:
            yield SftpSession(files)
    except FileNotFoundError:
        raise Missing("there is no such file") from None
    except (Blocked, PermissionError, paramiko.AuthenticationException) as problem:
        raise Refused(str(problem)) from None
    except (paramiko.SSHException, OSError, EOFError) as problem:
        raise broken(problem) from None


@contextmanager
def _connected(url: str, options: Mapping[str, Any], networks: Networks) -> Iterator[paramiko.SSHClient]:
    parts = urlsplit(url)
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
            sock=connected(target, networks, TIMEOUT_SECONDS),
            timeout=TIMEOUT_SECONDS,
        )
        yield session


@dataclass(frozen=True, slots=True)
class SftpSession:
    """See `Session`."""

    checksum: ClassVar[str | None] = None
    files: paramiko.SFTPClient

    def stamp(self, path: str) -> Stamp:
        about = self.files.stat(path)
        modified = None if about.st_mtime is None else clock.to_text(about.st_mtime * 1_000_000)
        return Stamp(about.st_size, None, modified)

    def real(self, path: str) -> str:
        return self.files.normalize(path)

    @contextmanager
    def reading(self, path: str, offset: int) -> Iterator[BinaryIO | Any]:
        with self.files.open(path, "rb") as file:
            file.seek(offset)
            file.prefetch(self.files.stat(path).st_size)
            yield file

    def make_folder(self, path: str) -> None:
        try:
            self.files.stat(path)
        except FileNotFoundError:
            self.make_folder(dirname(path))
            self.files.mkdir(path)

    def put(self, path: str, content: Readable, size_bytes: int) -> None:
        with arriving(path, self.files.remove) as part:
            self.files.putfo(cast("BinaryIO", content), part, size_bytes, confirm=True)
            self.files.posix_rename(part, path)

    def remove(self, path: str) -> None:
        self.files.remove(path)

    def names(self, path: str) -> list[str]:
        return self.files.listdir(path)


class _Refuse(paramiko.MissingHostKeyPolicy):
    def missing_host_key(self, _: object, hostname: str, key: paramiko.PKey) -> None:
        """Refuse, and show the key that would have to be trusted."""
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
        raise Refused(f"`hostKey` is not a key in the format of known_hosts: {problem}") from None
    session.get_host_keys().add(named, kind, key)


def _key(text: str | None) -> paramiko.PKey | None:
    """Return the private key, of any type, from its OpenSSH format."""
    for kind in () if text is None else (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            key: paramiko.PKey = kind.from_private_key(io.StringIO(text))
        except paramiko.SSHException:
            continue
        return key
    if text is not None:
        raise Refused("`#privateKey` is not a private key in OpenSSH format, or has a password")
    return None
