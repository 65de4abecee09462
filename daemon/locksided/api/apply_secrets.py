"""The secrets of what is to be applied: in plain for the checks, encrypted for what is stored."""

from collections.abc import Callable

import msgspec

from lockside.documents.secrets import may_have_ciphers, may_have_secrets
from lockside.kinds import KINDS
from locksided.api.apply_plan import Key, StoredByKind, Wanted
from locksided.core.errors import Refused
from locksided.lazy_documents import LazyDocuments
from locksided.secrets.places import Place
from locksided.secrets.vault import Vault

Places = Callable[[str, Key], Place]
"""The place of an object, by its kind and key."""


def in_plain(vault: Vault, wanted: Wanted, place: Places) -> Wanted:
    """What is wanted in plain, as far as it can be decrypted."""

    def opened(kind: str, key: Key, text: bytes) -> bytes:
        return vault.opened_text(text, place(kind, key)) if may_have_ciphers(text) else text

    return {
        kind: LazyDocuments({key: opened(kind, key, text) for key, text in bodies.texts.items()})
        for kind, bodies in wanted.items()
    }


def encrypted(
    vault: Vault, wanted: Wanted, stored: StoredByKind, place: Places
) -> tuple[Wanted, list[Refused]]:
    """What is wanted as it is to be stored, and a refusal for each object with a cipher text that is not its.

    A value that is stored already keeps its cipher text.
    """
    faults: list[Refused] = []
    sealed: dict[str, LazyDocuments[Key]] = {}
    for kind, bodies in wanted.items():
        texts = dict(bodies.texts)
        for number, (key, text) in enumerate(bodies.texts.items()):
            if not may_have_secrets(text):
                continue
            known = stored[kind].get(key)
            path = f"$.{KINDS[kind].plural}[{number}]"
            before = None if known is None else msgspec.json.decode(known.text)
            try:
                body = vault.seal(msgspec.json.decode(text), place(kind, key), path=path, before=before)
            except Refused as refusal:
                faults.append(refusal)
            else:
                texts[key] = msgspec.json.encode(body)
        sealed[kind] = LazyDocuments(texts)
    return sealed, faults
