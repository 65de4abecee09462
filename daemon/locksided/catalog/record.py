"""The daemon's rules for a kind, in addition to `lockside.kinds`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from lockside.kinds import Kind
from lockside.protocol.words import Role
from locksided.catalog.views import View, for_writers, stored_view
from locksided.core.errors import Conflict, Limit
from locksided.core.inputs import Input
from locksided.core.state import State
from locksided.server.access import Principal
from locksided.settings import Settings
from locksided.store.catalog import objects
from locksided.store.catalog.keys import DEFAULT, Change, Key
from locksided.store.rows import StoredRow
from locksided.store.sql import Database
from locksided.store.transaction import Transaction


def whole_document(document: Any, _branch: str) -> View:
    """Return the body of a kind that is stored as it was put."""
    body: View = msgspec.to_builtins(document)
    return body


def _nothing_more(_tx: Transaction, _key: Key, _change: Change) -> None:
    """Default for `deleted`: nothing else belongs to the object."""


def _nothing_else(
    _tx: Transaction, _key: Key, _before: StoredRow | None, _after: StoredRow, _change: Change
) -> None:
    """Default for `stored`: the object consists of its document alone."""


def _ready(_connection: Database, _key: Key, _before: StoredRow | None, _body: View, _time_us: int) -> None:
    """Default for `require_settled`: the object can be changed at any time."""


def _any_number(_settings: Settings) -> int | None:
    """Default for `most`: no limit."""
    return None


def _as_given(document: Any, _settings: Settings) -> Any:
    """Default for `completed`: the settings add nothing."""
    return document


def _may_change(_connection: Database, _key: Key, _who: Principal) -> None:
    """Default for `refuse_others`: every user with the role may change the object."""


def _no_members(_connection: Database, _project: str, found: Sequence[StoredRow]) -> list[View]:
    """Default for `members`: the view has only the document."""
    return [{}] * len(found)


def _not_needed(_state: State, _key: Key) -> None:
    """Default for `refuse_deletion`: the core does not know the object."""


def _no_figures(_state: State, _project: str, ids: Sequence[str]) -> list[View]:
    """Default for `figures`: the core does not know the objects."""
    return [{}] * len(ids)


@dataclass(frozen=True, slots=True)
class Record:
    """A kind in the daemon.

    `fixed` are built-in objects, by id; they cannot be changed. `body` returns what is stored for a document
    and a branch. `hide` removes what a caller may not see. `requires` are kinds of which a document names an
    object, in a member named after the kind; that object must exist. `warnings` lists stored members that
    have no effect. A document that `is_signed` gets a new version when another writer stores an equal body.

    `completed` adds values from the settings to a document; it raises Refused, with the path in the document,
    for what they forbid. `most` is how many objects a project may have. `refuse_others` raises Forbidden for
    users who have the role but may not change this object. `require_settled` raises Unsettled before a change
    if the previous version has something to decide, up to a time. `stored` and `deleted` apply the
    consequences of a new version and of a deletion, in the same transaction; the former gets the previous
    version, which may be that of a deleted object. `members` returns what is shown of each object beside its
    document.

    `report` returns the input for the core after each change, from the newest version; None for a deleted
    object. `refuse_deletion` raises Conflict while the core needs an object, and `figures` returns the core's
    values for objects of a project, by their ids.
    """

    kind: Kind
    fixed: Mapping[str, View] = field(default_factory=dict)
    body: Callable[[Any, str], View] = whole_document
    hide: Callable[[Principal, View], View] = for_writers
    requires: Sequence[Kind] = ()
    warnings: Callable[[Any], list[str]] | None = None
    is_signed: Callable[[Any], bool] = lambda _: False
    completed: Callable[[Any, Settings], Any] = _as_given
    most: Callable[[Settings], int | None] = _any_number
    refuse_others: Callable[[Database, Key, Principal], None] = _may_change
    require_settled: Callable[[Database, Key, StoredRow | None, View, int], None] = _ready
    stored: Callable[[Transaction, Key, StoredRow | None, StoredRow, Change], None] = _nothing_else
    deleted: Callable[[Transaction, Key, Change], None] = _nothing_more
    members: Callable[[Database, str, Sequence[StoredRow]], list[View]] = _no_members
    report: Callable[[Key, StoredRow | None], Input] | None = None
    refuse_deletion: Callable[[State, Key], None] = _not_needed
    figures: Callable[[State, str, Sequence[str]], list[View]] = _no_figures

    @property
    def role(self) -> Role:
        """The role that may change objects of the kind."""
        return Role[self.kind.role.upper()]

    def document(self, params: Any) -> Any:
        """Return the document to store: the parameters themselves, or their member named after the kind."""
        return params if self.kind.is_flat else getattr(params, self.kind.member)

    def key(self, params: Any, named: Any = None) -> Key:
        """Return the key in parameters or in a document (`named`)."""
        names = tuple(getattr(params if named is None else named, name) for name in self.kind.key)
        return Key(params.project, self.kind, names, self.branch(params))

    def has_changed(
        self,
        tx: Transaction,
        key: Key,
        before: StoredRow | None,
        after: StoredRow,
        change: Change,
        settings: Settings,
    ) -> None:
        """Apply the consequences of a new stored version. Raises Limit if there are too many objects."""
        refuse_too_many(tx, key, before, self.most(settings))
        self.stored(tx, key, before, after, change)

    def shown(self, connection: Database, key: Key) -> View:
        """Return the view of the newest version of an object. Raises NotFound."""
        stored = objects.get(connection, key)
        (members,) = self.members(connection, key.project, [stored])
        return {**stored_view(stored), **members}

    def branch(self, params: Any) -> str:
        """Return the branch in the parameters; the default one for a kind that is not in branches."""
        return getattr(params, "branch_id", DEFAULT) if self.kind.in_branch else DEFAULT

    def refuse_fixed(self, key: Key, path: str, remedy: str) -> None:
        """Raise Conflict for a built-in object."""
        if key.id in self.fixed:
            raise Conflict(f"{key.id} is part of the daemon: {remedy}.", path=path)


def refuse_too_many(tx: Transaction, key: Key, before: StoredRow | None, most: int | None) -> None:
    """Raise Limit if a project has more objects of a kind than it may; None is no limit."""
    if most is None or (before is not None and not before.deleted):
        return
    if objects.number_of(tx.reading(), key) > most:
        raise Limit(f"A project has at most {most} {key.kind.titles}: delete one first.")
