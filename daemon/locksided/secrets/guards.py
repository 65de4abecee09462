"""Guards of secrets: none is stored in plain, and none is used if it could not be decrypted. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from lockside.documents.paths import join
from lockside.documents.secrets import Secret, Steps, is_cipher, may_have_secrets, parsed, replaced
from locksided.core.errors import Invalid


class PlainSecretError(AssertionError):
    """A fault of ours: a secret was about to be stored in plain. The message does not contain its value."""


def refuse_plain(text: bytes) -> None:
    """Raise PlainSecretError for a JSON text with a secret that is not encrypted."""
    if may_have_secrets(text):
        replaced(msgspec.json.decode(text), _refuse)


def _refuse(secret: Secret) -> str:
    if not is_cipher(secret.value):
        raise PlainSecretError(f"{secret.name} was not encrypted")
    return str(secret.value)


class Missing(NamedTuple):
    """A stored cipher text that cannot be decrypted: its path, and the id of its key."""

    path: str
    key_id: str | None


def missing_in(document: Any, path: str = "$") -> Iterator[Missing]:
    """Yield the cipher texts left in a document that is about to be used."""
    left: list[tuple[Steps, Any]] = [((), document)]
    while left:
        steps, value = left.pop()
        if is_cipher(value):
            yield Missing(join(path, *steps), _key_id(value))
        members = value.items() if isinstance(value, Mapping) else ()
        items = enumerate(value) if isinstance(value, list | tuple) else ()
        left += [((*steps, step), inner) for step, inner in (*members, *items)]


def refuse_missing(missing: Sequence[Missing]) -> None:
    """Raise Invalid if a document about to be used has cipher texts that could not be decrypted."""
    if not missing:
        return
    path, key_id = missing[0]
    why = "it is damaged" if key_id is None else f"its key {key_id} is missing or does not fit"
    text = f"{path} cannot be decrypted: {why}. Bring the key back, or store the value again."
    raise Invalid(text, path=path, keyId=key_id)


def _key_id(text: str) -> str | None:
    form = parsed(text)
    return None if form is None else form.key_id
