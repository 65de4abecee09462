"""What is about to be used and could not be decrypted. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from lockside.documents.paths import join
from lockside.documents.secrets import Steps, is_cipher, parsed
from locksided.core.errors import Invalid


class Missing(NamedTuple):
    """A stored cipher text that cannot be decrypted: its path, and the id of its key."""

    path: str
    key_id: str | None


def missing_in(document: Any, path: str = "$") -> Iterator[Missing]:
    """The cipher texts that are left in a document that is about to be used."""
    left: list[tuple[Steps, Any]] = [((), document)]
    while left:
        steps, value = left.pop()
        if is_cipher(value):
            yield Missing(join(path, *steps), _key_id(value))
        members = value.items() if isinstance(value, Mapping) else ()
        items = enumerate(value) if isinstance(value, list | tuple) else ()
        left += [((*steps, step), inner) for step, inner in (*members, *items)]


def refuse_missing(missing: Sequence[Missing]) -> None:
    """Raise Invalid when something that is about to be used could not be decrypted."""
    if not missing:
        return
    path, key_id = missing[0]
    why = "it is damaged" if key_id is None else f"its key {key_id} is missing or does not fit"
    text = f"{path} cannot be decrypted: {why}. Bring the key back, or store the value again."
    raise Invalid(text, path=path, keyId=key_id)


def _key_id(text: str) -> str | None:
    form = parsed(text)
    return None if form is None else form.key_id
