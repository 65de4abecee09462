"""Requests for jobs are resolved in plain; their frozen documents are encrypted before the core gets them.

Equal specifications are stored once per project: the hash of one with secrets is keyed, and computed from the
plain text.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import msgspec

from lockside.documents.base import FieldError
from lockside.documents.paths import split_problem
from lockside.documents.request import JobRequest
from lockside.documents.secrets import may_have_ciphers, may_have_secrets
from locksided import threads
from locksided.api.service import Service
from locksided.core.errors import Invalid
from locksided.core.model import Draft
from locksided.runs.draft_tree import tree_size
from locksided.secrets.keys import Hasher
from locksided.secrets.places import Place
from locksided.secrets.vault import Unfit, Vault

_PARTS = ("config_data", "variable_values_data", "inputs", "partition")
"""The members of a request that can have secrets."""
NO_ENVIRONMENT = b"{}"
JOBS_SEALED_HERE = 100
"""Larger trees are encrypted in a thread."""


def opened_request(vault: Vault, request: JobRequest, project: str) -> JobRequest:
    """Return the request in plain. Raises Invalid with the path of a cipher text for other jobs."""
    parts = {name: value for name in _PARTS if (value := getattr(request, name)) is not None}
    if not may_have_ciphers(msgspec.json.encode(parts)):
        return request
    place = Place.of_request(project, request.component, request.config)
    plain = vault.opened(_parts_of(request), place)
    try:
        changes = {
            one.name: msgspec.convert(plain[one.encode_name], one.type)
            for one in msgspec.structs.fields(request)
            if one.encode_name in plain
        }
        return msgspec.structs.replace(request, **changes)
    except (msgspec.ValidationError, FieldError) as problem:
        message, path = split_problem(str(problem))
        raise Invalid(f"A decrypted value does not fit: {message}.", path=path) from None


@dataclass(frozen=True, slots=True)
class Asked:
    """A request in plain, and its members that can have secrets, as they were received."""

    plain: JobRequest
    ciphers: Mapping[str, Any]

    @classmethod
    def read(cls, vault: Vault, request: JobRequest, project: str) -> "Asked":
        """Decrypt a request. Raises Invalid with the path of a cipher text for other jobs."""
        plain = opened_request(vault, request, project)
        return cls(plain, {} if plain is request else _parts_of(request))

    def with_plain(self, **changes: Any) -> "Asked":
        """Return the same request with other members."""
        return Asked(msgspec.structs.replace(self.plain, **changes), self.ciphers)


def _parts_of(request: JobRequest) -> dict[str, Any]:
    """Return the members that can have secrets, by their names on the wire."""
    return {
        one.encode_name: msgspec.to_builtins(value)
        for one in msgspec.structs.fields(JobRequest)
        if one.name in _PARTS and (value := getattr(request, one.name)) is not None
    }


async def sealed_tree(service: Service, tree: Draft, asked: Mapping[str, Any]) -> Draft:
    """Return the tree with its documents encrypted; cipher texts of the request (`asked`) are kept."""
    if not _has_secrets(tree):
        return tree
    sealer = _Sealer(service.store.vault, await service.store.hasher(), asked)
    if tree_size(tree) <= JOBS_SEALED_HERE:
        return sealer.sealed(tree)
    return await threads.run_sync(partial(sealer.sealed, tree))


def _has_secrets(tree: Draft) -> bool:
    whole = tree.values.get("env_hash")
    return any(_is_secret(body, is_whole=name == whole) for name, body in tree.blobs) or any(
        map(_has_secrets, tree.children)
    )


def _is_secret(body: bytes, *, is_whole: bool) -> bool:
    return body != NO_ENVIRONMENT if is_whole else may_have_secrets(body)


@dataclass(frozen=True, slots=True)
class _Sealer:
    """Encrypts the documents of one creation, each once."""

    vault: Vault
    hasher: Hasher
    asked: Mapping[str, Any]
    _done: dict[tuple[str, Place], tuple[str, bytes]] = field(default_factory=dict)

    def sealed(self, tree: Draft) -> Draft:
        place = Place.of_jobs(tree.project, tree.values["component"])
        whole = tree.values.get("env_hash")
        renamed = {
            name: self._document(name, body, place, is_whole=name == whole) for name, body in tree.blobs
        }
        values = {
            name: renamed[value][0] if name in ("spec_hash", "env_hash") and value in renamed else value
            for name, value in tree.values.items()
        }
        children = tuple(map(self.sealed, tree.children))
        return replace(tree, values=values, blobs=tuple(renamed.values()), children=children)

    def _document(self, name: str, body: bytes, place: Place, *, is_whole: bool) -> tuple[str, bytes]:
        if not _is_secret(body, is_whole=is_whole):
            return name, body
        known = self._done.get((name, place))
        if known is None:
            document = msgspec.json.decode(body)
            sealed = (
                self.vault.encrypt(document, place)
                if is_whole
                else self.vault.seal(document, place, before=self.asked, unfit=Unfit.KEEP)
            )
            hashed = self.hasher.of_project(place.names[0], name)
            known = self._done[name, place] = (hashed, msgspec.json.encode(sealed))
        return known
