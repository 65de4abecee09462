"""What the daemon knows of a kind beside `lockside.kinds`: its rules and exceptions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from lockside.kinds import Kind
from lockside.protocol.words import Role
from locksided.catalog.views import View, for_writers
from locksided.core.errors import Conflict
from locksided.server.access import Principal
from locksided.store.catalog.keys import DEFAULT, Change, Key
from locksided.store.transaction import Transaction


def whole_document(document: Any, _branch: str) -> View:
    """The body of a kind that is stored as it was put."""
    body: View = msgspec.to_builtins(document)
    return body


def _nothing_more(_tx: Transaction, _key: Key, _change: Change) -> None:
    """What follows the deletion of an object that nothing else belongs to."""


@dataclass(frozen=True, slots=True)
class Record:
    """A kind in the daemon.

    `fixed` are objects that are part of the daemon, by id; they cannot be changed. `body` makes what is
    stored of a document and a branch. `hide` leaves out what a caller may not see. `requires` are kinds of
    which a document names an object, in a member named after the kind; that object must exist. `warnings`
    lists what is stored and has no effect. A document that `is_signed` gets a new version when another
    writer stores an equal body. `deleted` does what follows a deletion, in the same transaction.
    """

    kind: Kind
    fixed: Mapping[str, View] = field(default_factory=dict)
    body: Callable[[Any, str], View] = whole_document
    hide: Callable[[Principal, View], View] = for_writers
    requires: Sequence[Kind] = ()
    warnings: Callable[[Any], list[str]] | None = None
    is_signed: Callable[[Any], bool] = lambda _: False
    deleted: Callable[[Transaction, Key, Change], None] = _nothing_more

    @property
    def role(self) -> Role:
        """The role that may change objects of the kind."""
        return Role[self.kind.role.upper()]

    def document(self, params: Any) -> Any:
        """The document to store: the parameters themselves, or their member of the kind's name."""
        return params if self.kind.is_flat else getattr(params, self.kind.word)

    def key(self, params: Any, named: Any = None) -> Key:
        """The key that parameters or a document (`named`) ask for."""
        names = tuple(getattr(params if named is None else named, name) for name in self.kind.key)
        return Key(params.project, self.kind, names, self.branch(params))

    def branch(self, params: Any) -> str:
        """The branch that parameters ask for; for a kind that is not in branches it means nothing."""
        return getattr(params, "branch_id", DEFAULT) if self.kind.in_branch else DEFAULT

    def refuse_fixed(self, key: Key, path: str, remedy: str) -> None:
        """Raise Conflict for what is part of the daemon."""
        if key.id in self.fixed:
            raise Conflict(f"{key.id} is part of the daemon: {remedy}.", path=path)
