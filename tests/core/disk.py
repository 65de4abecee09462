"""An in-memory store that applies the core's saves and builds a state from them as a daemon's start does."""

from collections.abc import Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Any

from lockside.documents.enums import Status
from locksided.core import loading
from locksided.core.model import Condition, Program
from locksided.core.resources import ResourceKey, ResourceTerms
from locksided.core.saves import (
    CLONED,
    AppendEvent,
    CloneJob,
    DeleteDependency,
    DeletePool,
    InsertDependency,
    InsertJob,
    PutCondition,
    PutPool,
    Save,
    SetMeta,
    UpdateJob,
)
from locksided.core.state import DAY_US, State
from locksided.core.table_waits import SERIAL
from locksided.core.transitions import FINAL, STARTED, TRANSITIONS

DEFAULTS: dict[str, Any] = {
    "desired_status": "processing",
    "start_us": None,
    "end_us": None,
    "starts": 0,
    "launches": 0,
    "lost_count": 0,
    "preempted_count": 0,
    "step": 0,
    "start_token": None,
    "spawned": False,
    "duration_us": 0,
    "paused_us": 0,
    "paused_since_us": None,
    "paused_by": None,
    "progress": None,
    "message": None,
    "result": None,
    "process": None,
    "relation": None,
    "parent_id": None,
    "held_by": None,
    "held_us": None,
    "lock_key": None,
    "start_at_us": None,
    "attempt": 0,
    "behavior_on_error": None,
    "delay_us": None,
    "parallelism": None,
    "retry": None,
    "name": None,
    "component": None,
    "config": None,
    "end_cause": None,
    "claim": None,
    "reads": None,
    "block": None,
    "blocked_count": 0,
    "blocked_us": None,
    "pools": None,
    "needs": None,
    "resources": None,
}
COLUMNS = {
    *DEFAULTS,
    *("work_root", "remote"),
    *("project", "run_id", "parent_id", "relation", "type", "status", "pool", "priority", "line_order"),
    *(
        "owner_uid",
        "lock_key",
        "lock_policy",
        "start_at_us",
        "held_by",
        "held_us",
        "on_lost",
        "stage",
        "stages",
    ),
    *(
        "created_us",
        "updated_us",
        "ready_us",
        "component",
        "config",
        "usage",
        "metrics",
        "kill_report",
        "expires_us",
    ),
}


def _put(rows: dict[str, Any], key: str, value: Any) -> None:
    """Store the value of a key, or delete the key."""
    if value is None:
        rows.pop(key, None)
    else:
        rows[key] = value


RECORDED = tuple(column.name for column in fields(loading.JobRecord) if column.name != "id")

NOTHING_SOUGHT: Mapping[int, str] = MappingProxyType({})


class Disk:
    """Rows by id, and every event in order."""

    def __init__(self) -> None:
        self.jobs: dict[int, dict[str, Any]] = {}
        self.dependencies: dict[tuple[int, int], Condition] = {}
        self.pools: dict[str, dict[str, Any]] = {}
        self.conditions: dict[str, Mapping[str, Any]] = {}
        self.resources: dict[ResourceKey, ResourceTerms] = {}
        self.reserve_us: int | None = 600_000_000
        self.meta: dict[str, str] = {}
        self.events: list[AppendEvent] = []
        self.late: list[Save] = []
        self._holders: dict[tuple[str, str], int] = {}

    def apply(self, saves: list[Save]) -> None:
        """Apply one transaction. Raises AssertionError if the real schema's constraints would refuse it."""
        for save in saves:
            self._apply(save)
        changed = {save.id for save in saves if isinstance(save, InsertJob | CloneJob | UpdateJob)}
        for job_id in changed:
            self._check_row(job_id)
        self._check_exclusive(changed)

    def _apply(self, save: Save) -> None:
        match save:
            case InsertJob(job_id, values):
                assert job_id not in self.jobs
                assert set(values) <= COLUMNS
                self.jobs[job_id] = {**DEFAULTS, **values}
            case CloneJob(job_id, from_id, values):
                assert job_id not in self.jobs
                assert set(values) <= COLUMNS
                template = {name: self.jobs[from_id][name] for name in CLONED if name in COLUMNS}
                self.jobs[job_id] = {**DEFAULTS, **template, **values}
            case UpdateJob(job_id, changes):
                self._update(job_id, dict(changes))
            case InsertDependency(job_id, on_id, when):
                assert (job_id, on_id) not in self.dependencies, "the same dependency twice"
                self.dependencies[job_id, on_id] = Condition(when)
            case DeleteDependency(job_id, on_id):
                del self.dependencies[job_id, on_id]
            case PutPool(pool_id, values):
                self.pools[pool_id] = {**self.pools.get(pool_id, {}), **values}
            case DeletePool(pool_id):
                del self.pools[pool_id]
            case PutCondition(key, values):
                _put(self.conditions, key, values)
            case SetMeta(key, value):
                _put(self.meta, key, value)
            case AppendEvent():
                self.events.append(save)
            case _:
                raise AssertionError(f"the core saves {save}")

    def _update(self, job_id: int, changes: dict[str, Any]) -> None:
        assert set(changes) <= COLUMNS, set(changes) - COLUMNS
        row = self.jobs[job_id]
        before = Status(row["status"])
        after = Status(changes.get("status", before))
        assert before not in FINAL, f"job {job_id} is {before} and final is final"
        assert after is before or after in TRANSITIONS[before]
        row.update(changes)

    def _check_row(self, job_id: int) -> None:
        row = self.jobs[job_id]
        status = Status(row["status"])
        assert (row["end_us"] is not None) == (status in FINAL)
        assert status is not Status.PROCESSING or row["start_us"] is not None
        assert row["block"] is None or status is Status.CREATED, f"job {job_id} is {status} and blocked"
        assert status is not Status.CANCELLED or row["starts"] == 0, (
            f"job {job_id} was cancelled after a start"
        )
        assert row["launches"] >= row["starts"] or row["type"] != "standard"
        if row["type"] != "standard":
            assert row["start_token"] is None
            assert row["launches"] == 0
            assert row.get("expires_us") is None, f"container {job_id} has no folder that could expire"
        assert {"accepted", "validated"} <= set(row["stages"]), f"job {job_id} lost stages: {row['stages']}"
        assert row["stage"] in row["stages"]
        if status in FINAL:
            assert row["stage"] == "done"
            assert row["start_token"] is None
            assert row["paused_since_us"] is None, f"job {job_id} is {status} and still paused"

    def _check_exclusive(self, changed: set[int]) -> None:
        """Check the unique index over the keys of running exclusive jobs; releases of a key come first."""
        exclusive = [job_id for job_id in changed if self.jobs[job_id]["lock_policy"] == "exclusive"]
        running = [job_id for job_id in exclusive if self.jobs[job_id]["status"] in STARTED]
        for job_id in exclusive:
            if self._holders.get(self._key(job_id)) == job_id:
                del self._holders[self._key(job_id)]
        for job_id in running:
            assert self._key(job_id) not in self._holders, f"two running jobs hold {self._key(job_id)}"
            self._holders[self._key(job_id)] = job_id

    def _key(self, job_id: int) -> tuple[str, str]:
        return self.jobs[job_id]["project"], self.jobs[job_id]["lock_key"]

    def status(self, job_id: int) -> Status:
        return Status(self.jobs[job_id]["status"])

    def build(
        self, max_requeues: int = 3, *, sought: Mapping[int, str] = NOTHING_SOUGHT, forgot: bool = False
    ) -> State:
        """Return the state that a daemon starting now would have; `sought` has jobs under lookup and pools.

        If the lookups were `forgot`, these jobs are in line again, and statuses behind them may be stale.
        """
        loaded = self.loaded(max_requeues)
        state = loading.without_jobs(loaded)
        for record in loaded.jobs:
            job = loading.add_job(state, record, loaded.pending.get(record.id))
            if record.id in sought:
                job.program = Program.CHECKING
                job.pool = state.pools[sought[record.id]]
                job.pool.check(job)
        for child in loaded.children:
            loading.add_child(state, child)
        turn = loading.rebuild_lines(state, list(state.jobs.values()), 0)
        assert forgot or not turn.saves, f"what is stored was not up to date: {turn.saves}"
        self.late = turn.saves
        return state

    def loaded(self, max_requeues: int = 3) -> loading.LoadedState:
        """Return what a daemon reads at its start."""
        live = {job_id: row for job_id, row in self.jobs.items() if row["status"] not in FINAL}
        strong = {job_id: row for job_id, row in self.jobs.items() if row["relation"] == "strong"}
        return loading.LoadedState(
            next_id=max(self.jobs, default=0) + 1,
            max_requeues=max_requeues,
            retention_us=30 * DAY_US,
            now_us=0,
            pools=tuple(self._pool(pool_id, row) for pool_id, row in self.pools.items()),
            draining=self.meta.get("draining"),
            next_serial=int(self.meta.get(SERIAL) or 1),
            jobs=tuple(self._record(job_id, row) for job_id, row in live.items()),
            pending=self._pending(),
            children=tuple(self._child(job_id, row) for job_id, row in strong.items()),
            conditions=tuple(
                loading.ConditionRecord(condition_id, **values)
                for condition_id, values in self.conditions.items()
            ),
            resources=tuple(self.resources.values()),
            reserve_us=self.reserve_us,
        )

    def _pool(self, pool_id: str, row: dict[str, Any]) -> loading.PoolRecord:
        names = ("slots", "executor", "description", "paused_by", "paused_us")
        values: dict[str, Any] = {name: row[name] for name in names}
        return loading.PoolRecord(pool_id, **values, comment=row["paused_comment"])

    def _record(self, job_id: int, row: dict[str, Any]) -> loading.JobRecord:
        return loading.JobRecord(id=job_id, **{name: row[name] for name in RECORDED})

    def _child(self, job_id: int, row: dict[str, Any]) -> loading.ChildRecord:
        columns = ("status", "end_cause", "behavior_on_error", "attempt")
        values: dict[str, Any] = {name: row[name] for name in columns}
        if row["status"] == Status.ERROR:
            values |= {"message": row.get("message"), "error": (row.get("result") or {}).get("error")}
        return loading.ChildRecord(job_id, row["parent_id"], **values)

    def _pending(self) -> dict[int, dict[int, Condition]]:
        """Return the unfinished dependencies of each job."""
        pending: dict[int, dict[int, Condition]] = {}
        for (job_id, on_id), condition in self.dependencies.items():
            if self.status(on_id) not in FINAL:
                pending.setdefault(job_id, {})[on_id] = condition
        return pending
