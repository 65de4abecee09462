"""The keys: lines of 32 bytes in base64, the newest first, in a file that nobody else can read.

The file is `lockside.key` of the credentials passed by systemd, else that of the settings, else one in the
state folder, which is created when the first value is encrypted.
"""

import os
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING

from locksided.core.errors import Conflict, NotFound, Unavailable

if TYPE_CHECKING:
    from cryptography.fernet import Fernet
import hmac

HASH_KEY_BYTES = 32
DIGITS = 40


@dataclass(frozen=True, slots=True)
class Hasher:
    """Computes keyed hashes of the hashes of documents with secrets, so that nobody can guess the values."""

    key: bytes

    @property
    def name(self) -> str:
        """The prefix that distinguishes hashes of one key from those of another."""
        return sha256(self.key).hexdigest()[:8]

    def of(self, digest: str) -> str:
        """Return the keyed hash, with as many hexadecimal digits as other hashes."""
        return hmac.digest(self.key, digest.encode(), "sha256").hex()[:DIGITS]

    def of_project(self, project: str, digest: str) -> str:
        """Return the keyed hash of a document whose cipher texts are of one project."""
        return self.of(f"{project}:{digest}")

    def marked(self, digest: str) -> str:
        """Return the keyed hash, prefixed with the name of its key."""
        return f"{self.name}:{self.of(digest)}"


KEY_BYTES = 32
NAME = "secret.key"
CREDENTIAL = "lockside.key"


class KeyFileError(OSError):
    """The key file cannot be used; the message says why, and how to repair it."""


class Source(StrEnum):
    """The origin of the keys."""

    CREDENTIAL = "credential"
    SETTING = "key_file"
    STATE = "state folder"


@dataclass(frozen=True)
class Key:
    """One key."""

    content: bytes

    @cached_property
    def id(self) -> str:
        """The first 8 hexadecimal digits of its SHA-256."""
        return sha256(self.content).hexdigest()[:8]

    @cached_property
    def fernet(self) -> "Fernet":
        """The cipher of this key."""
        from cryptography.fernet import Fernet  # large, and many daemons never need it

        return Fernet(b64encode(self.content, b"-_"))


@dataclass(frozen=True, slots=True)
class KeyFile:
    """The file that contains the keys."""

    source: Source
    path: Path

    @classmethod
    def find(cls, setting: str, state_dir: Path, environment: Mapping[str, str]) -> "KeyFile":
        """Return the file by the rules of precedence."""
        credentials = environment.get("CREDENTIALS_DIRECTORY")
        if credentials and (path := Path(credentials, CREDENTIAL)).exists():
            return cls(Source.CREDENTIAL, path)
        if setting:
            return cls(Source.SETTING, Path(setting).absolute())
        return cls(Source.STATE, state_dir / NAME)

    def read(self) -> list[Key]:
        """Return the keys, none if there is no file. Raises KeyFileError."""
        try:
            with open(self.path, "rb") as file:
                self._refuse_readable(os.fstat(file.fileno()))
                lines = file.read().splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            if isinstance(error, KeyFileError):
                raise
            raise KeyFileError(f"The key file {self.path} cannot be read: {error.strerror}.") from None
        return [self._key(number, line) for number, line in enumerate(lines, 1) if line.strip()]

    def _refuse_readable(self, about: os.stat_result) -> None:
        """Refuse files that others can read. A credential's group bits are an access list's mask."""
        if about.st_mode & (0o007 if self.source is Source.CREDENTIAL else 0o077):
            raise KeyFileError(f"Others can read the key file {self.path}: chmod 400 {self.path}")
        if about.st_uid not in (0, os.geteuid()):
            raise KeyFileError(f"The key file {self.path} belongs to another user: chown it to the daemon's.")

    def _key(self, number: int, line: bytes) -> Key:
        try:
            content = b64decode(line.strip().translate(bytes.maketrans(b"-_", b"+/")), validate=True)
        except Base64Error:
            content = b""
        if len(content) != KEY_BYTES:
            raise KeyFileError(
                f"{self.path}:{number}: a key has {KEY_BYTES} bytes in base64; "
                f"`head -c {KEY_BYTES} /dev/urandom | base64` makes one."
            )
        return Key(content)

    def write(self, keys: list[Key]) -> None:
        """Replace the file; it is on disk when this returns. Raises Unavailable."""
        text = b"".join(b64encode(key.content) + b"\n" for key in keys)
        part = f"{self.path}.part"
        try:
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with open(descriptor, "wb") as file:
                file.write(text)
                file.flush()
                os.fchmod(descriptor, 0o400)
                os.fsync(descriptor)
            os.rename(part, self.path)
            folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise Unavailable(f"The key file {self.path} cannot be written: {error.strerror}.") from None


class Keys:
    """All keys of a daemon; used from several threads."""

    def __init__(self, file: KeyFile) -> None:
        self.file = file
        self._keys: list[Key] = []
        self._lock = RLock()

    def load(self) -> None:
        """Read the file. Raises KeyFileError."""
        self._keys = self.file.read()

    @property
    def all(self) -> list[Key]:
        """The keys, the newest first."""
        return list(self._keys)

    def find(self, key_id: str) -> Key | None:
        """Return the key with an id."""
        return next((key for key in self._keys if key.id == key_id), None)

    def newest(self) -> Key:
        """Return the key that encrypts; the first is created when needed. Raises Unavailable."""
        with self._lock:
            if not self._keys:
                if self.file.source is not Source.STATE:
                    raise Unavailable(
                        f"There is no key in {self.file.path}: write one into it, for instance with "
                        f"`head -c {KEY_BYTES} /dev/urandom | base64`, and restart the daemon."
                    )
                self._add()
            return self._keys[0]

    def rotate(self) -> Key:
        """Add a new key as the newest. Raises Conflict for a file that is not ours, and Unavailable."""
        with self._lock:
            self.check_can_rotate()
            self._add()
            return self._keys[0]

    def check_can_rotate(self) -> None:
        """Raise Conflict for a file that is not ours."""
        self._refuse_foreign("add a line above the others, restart the daemon, and call secret.reencrypt")

    def check_can_go(self, key_id: str) -> None:
        """Raise NotFound, or Conflict for the newest key and for a file that is not ours."""
        if self.find(key_id) is None:
            raise NotFound(f"There is no key {key_id}: `lockside secret keys` lists them.", path="$.id")
        self._refuse_foreign("remove its line, and restart the daemon")
        if self._keys[0].id == key_id:
            raise Conflict(f"Key {key_id} is the newest: call secret.rotate first.", path="$.id")

    def drop(self, key_id: str) -> None:
        """Remove a key. Raises what `check_can_go` raises, and Unavailable."""
        with self._lock:
            self.check_can_go(key_id)
            kept = [key for key in self._keys if key.id != key_id]
            self.file.write(kept)
            self._keys = kept

    def _add(self) -> None:
        keys = [Key(os.urandom(KEY_BYTES)), *self._keys]
        self.file.write(keys)
        self._keys = keys

    def _refuse_foreign(self, remedy: str) -> None:
        if self.file.source is not Source.STATE:
            raise Conflict(f"The keys are in {self.file.path}, which is not the daemon's own: {remedy}.")
