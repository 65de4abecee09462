"""Keyed hashes: whoever reads the database cannot guess the values of what they were made of. Pure."""

import hmac
from dataclasses import dataclass
from hashlib import sha256

HASH_KEY_BYTES = 32
DIGITS = 40


@dataclass(frozen=True, slots=True)
class Hasher:
    """Makes keyed hashes of the hashes of documents with secrets, so that nobody can guess the values."""

    key: bytes

    @property
    def name(self) -> str:
        """Tells the hashes of one key from those of another."""
        return sha256(self.key).hexdigest()[:8]

    def of(self, digest: str) -> str:
        """The keyed hash, as many hexadecimal digits as others have."""
        return hmac.digest(self.key, digest.encode(), "sha256").hex()[:DIGITS]

    def of_project(self, project: str, digest: str) -> str:
        """The keyed hash of a document whose cipher texts are of one project."""
        return self.of(f"{project}:{digest}")

    def marked(self, digest: str) -> str:
        """The keyed hash with the name of its key."""
        return f"{self.name}:{self.of(digest)}"
