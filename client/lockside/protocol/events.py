"""The kinds of events and their `data`. The document of `rpc.discover` lists them.

An event is written in the transaction of the change that it reports; `seq` orders all events.
"""

from typing import Final

from lockside.documents.enums import MomentOutcome
from lockside.kinds import KINDS

_POOL: Final = (
    "The whole pool after the change: id, slots, executor, description, isPaused, pausedBy, pausedTime, "
)
_POOL_DATA: Final = _POOL + "comment, trouble {cause, since} or null."

_MOMENTS: Final = (
    "id, moment, lastMoment, count (null: not counted), causes, jobs, latenessSeconds of the last, error: "
    "the outcome."
)

EVENT_KINDS: Final[dict[str, str]] = {
    "job.created": "component, config; attempt of further attempts of a retry; schedule of a schedule's job; "
    "notifies: whether it has notifications of its own.",
    "job.status": "from, to, cause.",
    "job.stage": "stage.",
    "job.progress": "progress, message, counts. For subscribers only; it is not stored and its seq is 0.",
    "job.remote": "schedulerJobId, remoteState, remoteReason: the engine's report on the job.",
    "job.held": "No data.",
    "job.released": "No data.",
    "job.blocked": "policy, condition, blockedCount, nextCheckTime. Recovery keeps it from starting.",
    "job.unblocked": "by: the user who released it, or recovery.",
    "job.paused": "No data.",
    "job.resumed": "No data.",
    "job.reprioritised": "from, to.",
    "job.terminateRequested": "cause `engine` and the user, if it was stopped through the engine.",
    "job.annotated": "fields: the names of the changed fields.",
    "job.hidden": "visible: false when it was hidden, true when it was shown again.",
    "job.acknowledged": "acknowledged: false when it was revoked; comment.",
    "job.purged": "No data.",
    **{
        f"{kind.word}.{change}": "The key of the object; version: the version that was stored."
        for kind in KINDS.values()
        if kind.verbs
        for change in ("created", "updated", "deleted")
    },
    "notification.delivered": "delivery {id}, subscription {id}, event, job, attempt, statusCode.",
    "notification.failed": "delivery {id}, subscription {id}, event, job, attempt, statusCode, error.",
    "notification.dead": "As for notification.failed; it is not retried.",
    "notification.disabled": "id, subscription {id}, cause. The daemon disabled it.",
    "notification.dropped": "count: so many were dropped since the last such event; too many are pending.",
    "notification.redelivered": "count, delivery or subscription.",
    "notification.rotated": "id.",
    "table.created": "branchId, table, version, counts: the first version of a table.",
    "table.changed": "branchId, table, version, counts: what the version changed.",
    "table.restored": "branchId, table, version, counts. It has the content of an earlier version again.",
    "table.dropped": "branchId, table. It is in the trash.",
    "table.foreign": "branchId, table, version, cause. Another program wrote to its log.",
    "table.damaged": "branchId, table, version, cause. Files of it are missing.",
    "table.published": "branchId, table, version. All readers of the table's log see it.",
    "file.stored": "branchId, file, name, tags. A job stored it.",
    "file.tagged": "branchId, file, name, added and removed tags.",
    "file.deleted": "branchId, file, name, cause: asked, expired, undone or branch.",
    "recovery.checked": "condition, tester, outcome, message, checks; jobs, released: their numbers.",
    "state.saved": "branchId, component, config, row, version. A job stored it at its end.",
    "state.reset": "branchId, component, config, row, version. Somebody cleared it.",
    "pool.put": _POOL_DATA,
    "pool.paused": _POOL_DATA,
    "pool.resumed": _POOL_DATA,
    "pool.deleted": "The whole pool as it was.",
    "pool.trouble": _POOL_DATA + " Nothing can be started in it; sent again if the cause changes.",
    "pool.recovered": _POOL_DATA + " Processes can be started in it again.",
    **dict.fromkeys((f"schedule.{outcome}" for outcome in MomentOutcome), _MOMENTS),
    "schedule.paused": "id, comment, untilTime. Without a principal the daemon paused it.",
    "schedule.resumed": "id, catchUp; by: daemon when the pause ended at its untilTime.",
    "schedule.overdue": "id, moment, job. No job of the moment succeeded in time.",
    "schedule.replanned": "id, from and to: settled times; because: zone or clock.",
    "schedule.finished": "id. It has no future moments.",
    "schedule.backfilled": "id, backfill, moment, lastMoment, count.",
    **dict.fromkeys(
        (f"trigger.{outcome}" for outcome in ("fired", "merged", "skipped", "failed")),
        "id, count of the causes, job, cause, error: the outcome.",
    ),
    "trigger.paused": "id, comment. Without a principal the daemon paused it.",
    "trigger.resumed": "id, catchUp.",
    "secret.rotated": "id of the new key; values: how many were encrypted under it.",
    "secret.reencrypted": "values: how many were encrypted under the newest key.",
    "secret.keyDropped": "id.",
    "token.created": "id, name, user, role, expiresTime.",
    "token.revoked": "id, name, user. Tokens created with it are revoked, too.",
    "daemon.started": "version, pid, bootId, pools: every pool as it is at the start.",
    "daemon.stopped": "why: the signal; onStop: what happens to running jobs. Not written in a crash.",
    "daemon.storeRecovered": "cause, seconds: how long nothing could be written, pools: every pool as it is.",
    "daemon.drained": "No data.",
    "daemon.undrained": "by.",
    "daemon.clockSet": "seconds by which the wall clock was set, negative if it was set back.",
    "daemon.reload": "changed, needsRestart: sections of the settings.",
    "daemon.backup": "path, sizeBytes, time, keyIds.",
    "daemon.restored": "backup: its path; lost: the jobs that ran when it was written.",
}
