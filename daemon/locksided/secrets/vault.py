"""The vault encrypts and decrypts the secrets of documents. It knows the keys and no stored object.

`seal` is applied to everything before it is stored, `opened` to documents from callers, `opened_if_possible`
to stored ones that are about to be used.
"""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from hashlib import sha256
from typing import Any

import msgspec

from lockside.documents.paths import join
from lockside.documents.secrets import (
    HIDDEN,
    CipherText,
    Secret,
    is_cipher,
    may_have_ciphers,
    may_have_secrets,
    parsed,
    replaced,
)
from locksided import clock
from locksided.core.errors import Invalid
from locksided.secrets.keys import Hasher, Keys
from locksided.secrets.places import Place, Scope

OPENED_KEPT = 1024
LONGEST_KEPT = 16_384
REMEDY = "encrypt it again for this configuration, or give the plain value"

_encode = msgspec.json.encode


class Unopened(Exception):
    """A cipher text cannot be decrypted here; the message says why, without its value."""

    def __init__(self, message: str, key_id: str | None = None) -> None:
        super().__init__(message)
        self.key_id = key_id


class Unfit(Enum):
    """What to do with a cipher text that does not fit."""

    REFUSE = auto()
    KEEP = auto()
    """It was stored before: its use will report the error."""
    ENCRYPT = auto()
    """It only looks like one: encrypt it as any other value."""


class _Content(msgspec.Struct, frozen=True):
    """The content of a token."""

    value: Any
    place: list[str]

    @classmethod
    def of(cls, value: Any, place: Place) -> "_Content":
        return cls(value, [place.scope.value, *place.names])

    def get_place(self) -> Place:
        scope, *names = self.place
        return Place(Scope(scope), tuple(names))


@dataclass(slots=True)
class Vault:
    """Encrypts with the newest key, decrypts with all of them. Used from several threads."""

    keys: Keys
    sealed_hash_key: str | None = None
    """The key of the hashes, encrypted as it is stored."""
    _hasher: Hasher | None = None
    _opened: dict[str, _Content] = field(default_factory=dict)

    # -- documents ----------------------------------------------------------------------------------------

    def seal(
        self,
        document: Any,
        place: Place,
        *,
        path: str = "$",
        before: Any = None,
        source: Place | None = None,
        unfit: Unfit = Unfit.REFUSE,
    ) -> Any:
        """Return the document with all secrets encrypted for their place.

        A value that is also in `before`, the stored version, keeps its cipher text. Cipher texts for `source`
        are encrypted again where they do not fit. `unfit` says what happens to a cipher text that does not
        fit or cannot be decrypted. Raises Invalid with its path.
        """
        if not may_have_secrets(_encode(document)):
            return document
        known = self._known(before, place)

        def change(secret: Secret) -> Any:
            at, value = place.inside(secret.steps, document), secret.value
            if is_cipher(value):
                try:
                    value = self._open_from(value, at, source)
                except Unopened as problem:
                    if unfit is Unfit.REFUSE:
                        raise _refusal(secret, path, problem) from None
                    if unfit is Unfit.KEEP:
                        return value
            elif value == HIDDEN and unfit is not Unfit.ENCRYPT:
                raise _not_shown(join(path, *secret.steps))
            if value is _FITS:
                return secret.value
            plain = _encode(value)
            same = known.get((secret.steps, plain)) or known.get((secret.name, plain))
            return same if same is not None and self.fits(same, at) else self.encrypt(value, at)

        return replaced(document, change)

    def _known(self, before: Any, place: Place) -> Mapping[tuple[Any, bytes], str]:
        """Return the cipher texts of a stored document by steps and value, and by name and value."""
        found: dict[tuple[Any, bytes], str] = {}

        def note(secret: Secret) -> Any:
            if is_cipher(secret.value):
                try:
                    plain = _encode(self.open_value(secret.value, place.inside(secret.steps, before)))
                except Unopened:
                    return secret.value
                found[secret.steps, plain] = found[secret.name, plain] = secret.value
            return secret.value

        if before is not None:
            replaced(before, note)
        return found

    def _open_from(self, text: str, place: Place, source: Place | None) -> Any:
        """Return the value of a cipher text to be encrypted for another place; `_FITS` if it fits."""
        try:
            self.open_value(text, place)
        except Unopened:
            if source is None:
                raise
            return self.open_value(text, source)
        return _FITS

    def opened(self, document: Any, place: Place, path: str = "$") -> Any:
        """Return the decrypted document. Raises Invalid with the path of an undecryptable cipher text."""

        def refuse(secret: Secret, problem: Unopened) -> Any:
            raise _refusal(secret, path, problem) from None

        return self._opened_with(document, place, refuse)

    def opened_if_possible(self, document: Any, place: Place) -> Any:
        """Return the decrypted document; cipher texts that cannot be decrypted stay."""
        return self._opened_with(document, place, lambda secret, _: secret.value)

    def _opened_with(self, document: Any, place: Place, failed: Callable[[Secret, Unopened], Any]) -> Any:
        def change(secret: Secret) -> Any:
            if not is_cipher(secret.value):
                return secret.value
            try:
                return self.open_value(secret.value, place.inside(secret.steps, document))
            except Unopened as problem:
                return failed(secret, problem)

        return replaced(document, change)

    def opened_text(self, text: bytes, place: Place) -> bytes:
        """Decrypt like `opened_if_possible`, but JSON text, which may be encrypted as a whole."""
        if not (may_have_ciphers(text)):
            return text
        document = msgspec.json.decode(text)
        if isinstance(document, str):
            try:
                return _encode(self.open_value(document, place))
            except Unopened:
                return text
        return _encode(self.opened_if_possible(document, place))

    # -- single values ------------------------------------------------------------------------------------

    def encrypt(self, value: Any, place: Place) -> str:
        """Return the cipher text of a value. Raises Unavailable without a key."""
        key = self.keys.newest()
        content = _encode(_Content.of(value, place))
        token = key.fernet.encrypt_at_time(content, clock.now_us() // clock.SECOND_US)
        return str(CipherText(place.scope.value, key.id, token.decode()))

    def open_value(self, text: str, place: Place) -> Any:
        """Return the value of a cipher text. Raises Unopened if it does not fit."""
        content = self._content(text)
        if not place.accepts(content.get_place()):
            raise Unopened(f"it was encrypted for {content.get_place()}, not for {place}")
        return content.value

    def fits(self, text: str, place: Place) -> bool:
        """Return whether a cipher text can be decrypted for a place."""
        try:
            self.open_value(text, place)
        except Unopened:
            return False
        return True

    def check(self, text: str, place: Place, path: str) -> None:
        """Raise Invalid for a cipher text that cannot be decrypted for a place."""
        try:
            self.open_value(text, place)
        except Unopened as problem:
            raise _refused(path, problem) from None

    def reencrypted(self, text: str) -> str:
        """Return the text encrypted with the newest key; a text that cannot be decrypted stays."""
        form = parsed(text)
        newest = self.keys.newest()
        if form is None or form.key_id == newest.id:
            return text
        try:
            content = self._content(text)
        except Unopened:
            return text
        token = newest.fernet.encrypt_at_time(_encode(content), clock.now_us() // clock.SECOND_US)
        return str(CipherText(form.scope, newest.id, token.decode()))

    def _content(self, text: str) -> _Content:
        known = self._opened.get(text)
        if known is not None and self.keys.find(known_id(text)) is not None:
            return known
        content = self._decrypted(text)
        if len(text) <= LONGEST_KEPT:
            if len(self._opened) >= OPENED_KEPT:
                self._opened.clear()
            self._opened[text] = content
        return content

    def _decrypted(self, text: str) -> _Content:
        from cryptography.fernet import InvalidToken

        form = parsed(text)
        if form is None:
            raise Unopened("it is not a whole cipher text")
        key = self.keys.find(form.key_id)
        if key is None:
            raise Unopened(f"its key {form.key_id} is missing", form.key_id)
        try:
            content = msgspec.json.decode(key.fernet.decrypt(form.token), type=_Content)
        except (InvalidToken, msgspec.DecodeError):
            raise Unopened("it is damaged", form.key_id) from None
        if content.place[0] != form.scope:
            raise Unopened("it is damaged", form.key_id)
        return content

    # -- hashes -------------------------------------------------------------------------------------------

    def digest(self, text: bytes) -> str:
        """Return a hash of a document about to be stored, which reveals nothing about its secrets."""
        if not may_have_secrets(text):
            return sha256(text).hexdigest()
        return hmac.digest(self.keys.newest().content, text, "sha256").hex()

    @property
    def hasher(self) -> Hasher | None:
        """Computes the keyed hashes; None if no hash key is stored or it cannot be decrypted."""
        if self._hasher is None and self.sealed_hash_key is not None:
            self._hasher = self.hasher_of(self.sealed_hash_key)
        return self._hasher

    def hasher_of(self, text: str) -> Hasher | None:
        """Return the hasher of a stored key; None if the key cannot be decrypted."""
        try:
            return Hasher(bytes.fromhex(self.open_value(text, HASHES)))
        except Unopened:
            return None

    def keep_hash_key(self, text: str | None) -> None:
        """Use the key that is stored now."""
        if text != self.sealed_hash_key:
            self.sealed_hash_key, self._hasher = text, None


HASHES = Place(Scope.PROJECT, ("", "hashes"))
"""The place of the hash key: no project has that name."""

_FITS = object()


def known_id(text: str) -> str:
    """Return the id of the key of a well-formed cipher text."""
    form = parsed(text)
    return "" if form is None else form.key_id


def _not_shown(where: str) -> Invalid:
    return Invalid(f"{where}: {HIDDEN} stands for a value that was not shown: give the value.", path=where)


def _refusal(secret: Secret, path: str, problem: Unopened) -> Invalid:
    return _refused(join(path, *secret.steps), problem)


def _refused(where: str, problem: Unopened) -> Invalid:
    details: dict[str, Any] = {} if problem.key_id is None else {"keyId": problem.key_id}
    return Invalid(f"{where} cannot be decrypted: {problem}; {REMEDY}.", path=where, **details)
