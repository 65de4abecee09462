"""The records of all kinds: a kind without special rules needs no entry here."""

from typing import Any

import msgspec

from lockside.documents.component import COMMAND
from lockside.kinds import (
    BRANCH,
    BUCKET,
    COMPONENT,
    CONFIG,
    KINDS,
    NOTIFICATION,
    POOL,
    RESOURCE,
    SCHEDULE,
    SYSTEM,
    TEMPLATE,
    TRIGGER,
)
from locksided.catalog import resources
from locksided.catalog.record import Record
from locksided.catalog.views import View, for_admins, for_users
from locksided.notifications import recipients
from locksided.notifications import standing as subscriptions
from locksided.runs.builtin_components import BUILT_IN
from locksided.schedules import changes, shown
from locksided.store import buckets
from locksided.store.catalog.keys import DEFAULT, Change, Key
from locksided.store.catalog.objects import delete_contents
from locksided.store.transaction import Transaction
from locksided.store.trash import drop_branch
from locksided.triggers import standing

_DEFAULT_BRANCH: View = {
    "id": DEFAULT,
    "name": None,
    "version": 1,
    **dict.fromkeys(("createdTime", "updatedTime", "changedBy", "changeDescription")),
    "isDeleted": False,
}


def _delete_branch(tx: Transaction, key: Key, change: Change) -> None:
    """Delete what is in a branch; its tables are moved to the trash."""
    delete_contents(tx, key, change)
    drop_branch(tx, key.project, key.id, change.time_us, change.by)


def pool_body(pool: Any, _branch: str = DEFAULT) -> View:
    """Return a pool for comparison; a missing description equals an empty one."""
    return {
        "id": pool.id,
        "slots": "infinity" if pool.slots is None else pool.slots,
        "executor": pool.executor,
        "options": pool.options or {},
        "backends": pool.backends or {},
        "description": pool.description or None,
    }


def config_body(config: Any, branch: str) -> View:
    """Return a configuration in stored form."""
    return {
        "component": config.component,
        "config": config.config,
        "branchId": branch,
        "name": config.name,
        "description": config.description,
        "isDisabled": config.is_disabled,
        "configuration": config.configuration,
        "rows": msgspec.to_builtins(config.rows),
    }


_SPECIAL = (
    Record(POOL, body=pool_body),
    Record(
        RESOURCE,
        stored=resources.refuse_ambiguous,
        report=resources.changed_input,
        refuse_deletion=resources.refuse_needed,
        figures=resources.figures,
    ),
    Record(
        COMPONENT,
        fixed={name: {**msgspec.to_builtins(one), "version": None} for name, one in BUILT_IN.items()},
        hide=for_users,
    ),
    Record(
        CONFIG,
        body=config_body,
        requires=(COMPONENT,),
        warnings=lambda config: config.ignored_members(),
        is_signed=lambda config: config.component == COMMAND,
    ),
    # The writer of a template is the writer of its jobs' code.
    Record(TEMPLATE, is_signed=lambda _: True, most=lambda settings: settings.templates.max_per_project),
    Record(BRANCH, fixed={DEFAULT: _DEFAULT_BRANCH}, deleted=_delete_branch),
    Record(
        SCHEDULE,
        hide=shown.for_owner,
        completed=changes.completed,
        most=lambda _: 10_000,
        refuse_others=changes.refuse_others,
        require_settled=changes.require_settled,
        stored=changes.changed,
        deleted=changes.deleted,
        members=shown.members,
    ),
    Record(
        TRIGGER,
        hide=shown.for_owner,
        most=lambda _: 1000,
        refuse_others=standing.refuse_others,
        stored=standing.changed,
        deleted=standing.deleted,
        members=standing.members,
    ),
    Record(SYSTEM, hide=for_admins),
    Record(BUCKET, stored=buckets.changed, deleted=buckets.refuse_full),
    Record(
        NOTIFICATION,
        completed=recipients.checked,
        most=lambda settings: settings.notifications.max_per_project,
        refuse_others=subscriptions.refuse_others,
        stored=subscriptions.changed,
        deleted=subscriptions.deleted,
    ),
)

RECORDS = {word: Record(kind) for word, kind in KINDS.items()} | {one.kind.word: one for one in _SPECIAL}
