"""The rows of reads: one frozen record per kind of row, its fields the columns in the order of the SELECT.

JSON columns are decoded. Times are microseconds since the epoch, UTC; nothing here is in wire form.
"""

from collections.abc import Mapping
from inspect import get_annotations
from typing import Any, TypeVar

import msgspec

from locksided.secrets.places import Place

Json = Mapping[str, Any]


class JobRow(msgspec.Struct, frozen=True):
    """A job with everything that is stored of it but its specification."""

    id: int
    project: str
    run_id: str
    parent_id: int | None
    relation: str | None
    type: str
    component: str | None
    config: str | None
    branch_id: str | None
    mode: str | None
    name: str | None
    description: str | None
    labels: dict[str, str] | None
    visible: int
    hidden_us: int | None
    owner_uid: int | None
    owner_gid: int | None
    owner_name: str | None
    creator_type: str | None
    creator_id: str | None
    pool: str | None
    priority: int
    line_order: int
    lock_key: str | None
    lock_policy: str | None
    start_at_us: int | None
    held_by: str | None
    held_us: int | None
    dedup_id: str | None
    spec_hash: str | None
    env_hash: str | None
    status: str
    desired_status: str
    stage: str | None
    stages: dict[str, int] | None
    progress: float | None
    message: str | None
    created_us: int
    start_us: int | None
    end_us: int | None
    updated_us: int | None
    ready_us: int | None
    duration_us: int
    paused_us: int
    paused_since_us: int | None
    paused_by: str | None
    end_cause: str | None
    delay_us: int | None
    attempt: int
    starts: int
    launches: int
    spawned: int
    lost_count: int
    step: int
    start_token: str | None
    process: dict[str, Any] | None
    result: dict[str, Any] | None
    usage: list[Any] | None
    metrics: dict[str, Any] | None
    kill_report: dict[str, Any] | None
    parallelism: int | str | None
    behavior_on_error: str | None
    retry: dict[str, Any] | None
    retry_of_id: int | None
    resubmit_of_id: int | None
    expires_us: int | None
    cleaned_us: int | None
    on_lost: str | None
    acknowledged: dict[str, Any] | None
    schedule: dict[str, Any] | None
    schedule_id: str | None
    trigger: dict[str, Any] | None
    trigger_id: str | None
    claim: dict[str, Any] | None
    reads: list[str] | None
    pins: dict[str, int] | None
    undone_by: int | None
    pinned: dict[str, int] | None
    owner_via: str | None
    notifies: int
    pools: list[str] | None
    needs: dict[str, int] | None
    resources: dict[str, Any] | None
    block: dict[str, Any] | None
    blocked_count: int
    blocked_us: int | None
    work_root: str | None
    remote: Json | None
    chunk: dict[str, Any] | None
    preempted_count: int


class RunRow(msgspec.Struct, frozen=True, gc=False):
    """What a run must know of its job; status and token identify the start it was read for."""

    id: int
    run_id: str
    project: str
    type: str
    component: str | None
    config: str | None
    branch_id: str | None
    mode: str | None
    owner_uid: int | None
    owner_gid: int | None
    owner_name: str | None
    owner_via: str | None
    spec_hash: str | None
    env_hash: str | None
    status: str
    launches: int
    start_token: str | None
    name: str | None
    schedule: dict[str, Any] | None
    trigger: dict[str, Any] | None
    resources: dict[str, Any] | None
    chunk: dict[str, Any] | None


class BriefRow(msgspec.Struct, frozen=True, gc=False):
    """The columns of a job for lists that need only its plain members."""

    id: int
    run_id: str
    project: str
    type: str
    component: str | None
    config: str | None
    branch_id: str | None
    mode: str | None
    labels: dict[str, str] | None
    owner_uid: int | None
    owner_gid: int | None
    owner_name: str | None
    owner_via: str | None
    status: str
    desired_status: str
    created_us: int
    start_us: int | None
    end_us: int | None
    updated_us: int | None
    duration_us: int
    paused_us: int
    paused_since_us: int | None


def owner_data(row: JobRow | RunRow | BriefRow) -> dict[str, Any]:
    """Return the owner of a job in the form used in events."""
    data = {"uid": row.owner_uid, "user": row.owner_name, "gid": row.owner_gid}
    return data if row.owner_via is None else {**data, "via": row.owner_via}


def place_of(row: JobRow | RunRow) -> Place:
    """Return the place that the secrets of a job's documents are bound to."""
    return Place.of_request(row.project, row.component or "", row.config)


class EventRow(msgspec.Struct, frozen=True):
    """Something that happened; `seq` grows and is never reused."""

    seq: int
    time_us: int
    kind: str
    project: str
    job_id: int | None
    run_id: str | None
    principal: Json | None
    data: Json


class PoolRow(msgspec.Struct, frozen=True):
    """A pool; `slots` None means no limit."""

    id: str
    slots: int | None
    executor: str
    description: str | None
    paused: int
    paused_by: str | None
    paused_comment: str | None
    paused_us: int | None
    version: int
    created_us: int | None
    changed_us: int | None
    changed_by: dict[str, Any] | None
    options: Json | None
    backends: Json | None
    capabilities: list[str] | None


class Dependency(msgspec.Struct, frozen=True, gc=False):
    """`job_id` waits for `on_id`; `condition` is `success`, `final` or (between phases) `phase`."""

    job_id: int
    on_id: int
    condition: str


class StoredRow(msgspec.Struct, frozen=True):
    """One version of an object of the catalog; `body` is what was put.

    `scope` is empty, or `<branch>/<component>` for a configuration; `description` says why it was changed.
    """

    id: str
    scope: str
    version: int
    deleted: int
    body: dict[str, Any]
    description: str | None
    created_us: int
    changed_us: int
    changed_by: dict[str, Any]


class Version(msgspec.Struct, frozen=True):
    """A change of an object: who made it, and why."""

    version: int
    description: str | None
    changed_us: int
    changed_by: dict[str, Any]


class StateRow(msgspec.Struct, frozen=True):
    """The state left by the last successful run; version 0 if there never was one."""

    body: dict[str, Any]
    version: int
    changed_us: int | None
    job_id: int | None


class DedupRow(msgspec.Struct, frozen=True):
    """A request that was carried out under a deduplication id; `ref` names what it created."""

    params_hash: str
    ref: dict[str, Any]
    job_id: int | None
    created_us: int


class AsideRow(msgspec.Struct, frozen=True):
    """A program outside of jobs; `account` is (uid, gid, groups), None for the daemon's own."""

    token: str
    purpose: str
    reference: dict[str, Any]
    account: list[Any] | None
    created_us: int


JSON_COLUMNS = frozenset(
    {
        *("labels", "stages", "process", "result", "usage", "metrics", "kill_report", "retry"),
        *("acknowledged", "claim", "reads", "pins", "pinned", "pools", "needs", "resources"),  # of jobs
        *("block", "remote", "chunk"),  # of jobs
        *("options", "backends", "capabilities"),  # of pools
        "last",  # of conditions
        *("schedule", "trigger", "pause", "error"),  # of schedules, triggers and their jobs
        *("conditions", "heard", "causes", "watched", "watches"),  # of triggers
        *("principal", "data"),  # of events
        *("body", "changed_by", "ref"),  # of the catalog
        *("reference", "account"),  # of asides
        *("definition", "details", "trouble"),  # of tables
        "attempts",  # of deliveries
    }
)

R = TypeVar("R")
_decode = msgspec.json.Decoder().decode


_JSON_PLACES: dict[type, list[int]] = {}


def columns_of(record: type) -> tuple[str, ...]:
    """Return the columns of a record, in order."""
    return tuple(get_annotations(record))


def _json_places(record: type) -> list[int]:
    if record not in _JSON_PLACES:
        _JSON_PLACES[record] = [n for n, name in enumerate(columns_of(record)) if name in JSON_COLUMNS]
    return _JSON_PLACES[record]


def decoded(record: type[R], rows: list[tuple[Any, ...]]) -> list[R]:
    """Convert rows, whose columns are the record's fields, to records."""
    places = _json_places(record)
    if not places:
        return [record(*row) for row in rows]
    return [record(*_with_objects(row, places)) for row in rows]


def _with_objects(row: tuple[Any, ...], places: list[int]) -> list[Any]:
    values = list(row)
    for place in places:
        if values[place] is not None:
            values[place] = _decode(values[place])
    return values
