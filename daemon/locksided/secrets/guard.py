"""The last look at what is written: no secret stands in it in plain."""

import msgspec

from lockside.documents.secrets import Secret, is_cipher, may_have_secrets, replaced


class PlainSecretError(AssertionError):
    """A fault of ours: a secret was about to be stored in plain. It has no value in it."""


def refuse_plain(text: bytes) -> None:
    """Raise PlainSecretError for a JSON text with a secret that is not encrypted."""
    if may_have_secrets(text):
        replaced(msgspec.json.decode(text), _refuse)


def _refuse(secret: Secret) -> str:
    if not is_cipher(secret.value):
        raise PlainSecretError(f"{secret.name} was not encrypted")
    return str(secret.value)
