-- The named statements, with reasons where they are not obvious. `{x_columns}` stands for the columns of
-- that record in rows.py. Statements whose columns vary (inserts and updates of jobs, lists of jobs) are composed in
-- writes.py and job_list.py.

-- name: put_spec
-- The hash identifies the content, so an existing row is the same.
INSERT INTO specs (hash, body) VALUES (?, ?) ON CONFLICT (hash) DO NOTHING;

-- name: put_spec_terms
-- Only specifications have a format: environments are not searched.
INSERT INTO spec_terms (term, value, hash)
SELECT 'tag', value, :hash FROM json_each(:body, '$.tag')
WHERE type = 'text' AND json_type(:body, '$.format') = 'integer'
UNION SELECT 'row', value, :hash FROM json_each(:body, '$.configRowIds')
WHERE json_type(:body, '$.format') = 'integer';

-- name: insert_label
-- The labels of a job that is inserted and then annotated in one batch are stored once.
INSERT INTO job_labels (label, value, job_id) VALUES (?, ?, ?);

-- name: delete_labels
-- Labels are replaced as a whole.
DELETE FROM job_labels WHERE job_id = ?;

-- name: clone_labels
INSERT INTO job_labels (label, value, job_id) SELECT label, value, :id FROM job_labels WHERE job_id = :from_id;

-- name: put_dependency
-- A repeated dependency is no error; the later condition wins. A job purged meanwhile gets no dependants.
INSERT INTO dependencies (job_id, on_id, condition)
SELECT ?, id, ? FROM jobs WHERE id = ?
ON CONFLICT (job_id, on_id) DO UPDATE SET condition = excluded.condition;

-- name: delete_dependency
DELETE FROM dependencies WHERE job_id = ? AND on_id = ?;

-- name: delete_pool
DELETE FROM pools WHERE id = ?;

-- name: put_meta
INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value;

-- name: delete_meta
DELETE FROM meta WHERE key = ?;

-- name: work_roots
-- For jobs whose folder is outside the state folder and still exists.
SELECT id, work_root FROM jobs WHERE work_root IS NOT NULL AND cleaned_us IS NULL;

-- name: meta
SELECT value FROM meta WHERE key = ?;

-- name: insert_event
-- The store assigns the numbers, so that they have no gaps and none is used twice.
INSERT INTO events (seq, time_us, kind, project, job_id, run_id, principal, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- name: last_seq
-- The newest event is never pruned: after a restart the numbers continue from it.
SELECT ifnull(max(seq), 0) FROM events;

-- name: latest_time
-- After a clock was set back, events may have later times than their successors.
SELECT max(time_us) FROM events WHERE seq > (SELECT max(seq) FROM events) - 1000;

-- name: oldest_seq
SELECT min(seq) FROM events;

-- name: last_job_id
-- The id of a purged job is never assigned again, though its row is gone.
SELECT max(
    (SELECT ifnull(max(id), 0) FROM jobs),
    ifnull((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'last_purged_id'), 0)
);

-- name: statuses_of_live_jobs
SELECT id, status, type FROM jobs
WHERE id > 0 AND status IN ('created', 'waiting', 'processing', 'terminating') ORDER BY id;

-- name: objects_of_kind
-- For all projects: the kind must have few objects.
SELECT o.project, v.body FROM objects o JOIN object_versions v USING (project, kind, scope, id, version)
WHERE o.kind = ? AND NOT o.deleted ORDER BY o.project, o.id;

-- name: job_row
SELECT {job_columns} FROM jobs WHERE id = ?;

-- name: job_rows
-- One parameter for any number of ids: one statement to prepare.
SELECT {job_columns} FROM jobs WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id;

-- name: run_rows
SELECT {run_columns} FROM jobs WHERE id IN (SELECT value FROM json_each(?));

-- name: live_jobs
-- In pages, so that a hundred thousand jobs are never in memory twice. The partial index has exactly these.
SELECT {live_columns} FROM jobs INDEXED BY jobs_live
WHERE status IN ('created', 'waiting', 'processing', 'terminating') AND id > ? ORDER BY id LIMIT ?;

-- name: live_ids
-- Answered from the index alone.
SELECT id FROM jobs INDEXED BY jobs_live WHERE status IN ('created', 'waiting', 'processing', 'terminating');

-- name: final_statuses
SELECT id, status FROM jobs
WHERE id IN (SELECT value FROM json_each(?))
    AND status IN ('success', 'warning', 'error', 'cancelled', 'terminated');

-- name: parts
SELECT {job_columns} FROM jobs WHERE parent_id = ? AND relation = 'strong' ORDER BY id;

-- name: children_of
-- The core counts the children of live containers, also final ones. Unordered: sorting has a cost.
SELECT {child_columns}
FROM (SELECT *, CASE status WHEN 'error' THEN result -> '$.error' END AS error FROM jobs)
WHERE parent_id IN (SELECT value FROM json_each(?));

-- name: retries
SELECT {job_columns} FROM jobs WHERE retry_of_id = ? ORDER BY id;

-- name: specs
SELECT hash, body FROM specs WHERE hash IN (SELECT value FROM json_each(?));

-- name: spec_bytes
-- The length of a blob is stored before it: no blob is read.
SELECT hash, length(body) FROM specs WHERE hash IN (SELECT value FROM json_each(?));

-- name: dependencies_of
-- Requested ones only: that phases wait for each other follows from the orchestration.
SELECT job_id, on_id, condition FROM dependencies
WHERE job_id IN (SELECT value FROM json_each(?)) AND condition <> 'phase';

-- name: waits_of
SELECT job_id, on_id, condition FROM dependencies WHERE job_id IN (SELECT value FROM json_each(?));

-- name: dependants_on
SELECT job_id, on_id, condition FROM dependencies WHERE on_id IN (SELECT value FROM json_each(?));

-- name: last_file_id
SELECT ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'files'), 0);

-- name: forget_file_ids
DELETE FROM sqlite_sequence WHERE name = 'files';

-- name: skip_file_ids
INSERT INTO sqlite_sequence (name, seq) VALUES ('files', ?);

-- name: counts_by_status
-- Answered from the index alone.
SELECT status, count(*) FROM jobs INDEXED BY jobs_status GROUP BY project, status;

-- name: status_changes
-- The status changes of jobs after one event and up to another.
SELECT kind, json_extract(data, '$.from'), json_extract(data, '$.to'), count(*) FROM events NOT INDEXED
WHERE seq > ? AND seq <= ? AND kind IN ('job.created', 'job.status', 'job.purged')
GROUP BY 1, 2, 3;

-- name: ended_jobs
-- How jobs ended, by configuration and pool; read once, so a scan of the table is faster than an index.
-- Rows of a container, attempts and phases are parts of a job that counts.
-- SQLite takes bare columns from the row of the max(): the duration is that of the job that ended last.
SELECT {ending_columns} FROM jobs NOT INDEXED
WHERE end_us IS NOT NULL AND type <> 'phaseContainer' AND creator_type IS NOT 'container'
    AND NOT (creator_type IS 'retry' AND relation IS 'strong')
GROUP BY project, branch_id, component, config, pool, status;

-- name: jobs_ended_since
-- The same for the jobs that ended after one event and up to another.
SELECT {ending_columns} FROM jobs
WHERE end_us IS NOT NULL AND type <> 'phaseContainer' AND creator_type IS NOT 'container'
    AND NOT (creator_type IS 'retry' AND relation IS 'strong')
    AND id IN (
        SELECT job_id FROM events NOT INDEXED WHERE seq > ? AND seq <= ? AND kind = 'job.status'
            AND json_extract(data, '$.to') IN ('success', 'warning', 'error', 'cancelled', 'terminated')
    )
GROUP BY project, branch_id, component, config, pool, status;

-- name: daemon_started
SELECT max(seq) FROM events INDEXED BY events_rare
WHERE kind = 'daemon.started' AND kind NOT IN ('job.created', 'job.status', 'job.stage');

-- name: decisions
-- Decisions of schedules and triggers after one event and up to another; the lateness is the last one's.
SELECT project, json_extract(data, '$.id') AS maker, kind, count(*), sum(ifnull(json_extract(data, '$.count'), 100000)),
    json_extract(data, '$.latenessSeconds'), max(seq)
FROM events NOT INDEXED
WHERE seq > ? AND seq <= ? AND kind IN ('schedule.fired', 'schedule.merged', 'schedule.skipped', 'schedule.missed',
    'schedule.failed', 'trigger.fired', 'trigger.merged', 'trigger.skipped', 'trigger.failed')
GROUP BY project, kind, maker;

-- name: pools
SELECT {pool_columns} FROM pools ORDER BY id;

-- name: pool
SELECT {pool_columns} FROM pools WHERE id = ?;

-- name: object
-- Without a version the current one, unless the object is deleted; with a version also of a deleted one.
SELECT o.id, o.scope, v.version, o.deleted, v.body, v.description, o.created_us, v.changed_us, v.changed_by
FROM objects AS o
JOIN object_versions AS v USING (project, kind, scope, id)
WHERE o.project = :project AND o.kind = :kind AND o.scope = :scope AND o.id = :id
    AND v.version = ifnull(:version, CASE WHEN o.deleted THEN NULL ELSE o.version END);

-- name: object_even_deleted
-- The predecessor of a put: the version numbers of a deleted object continue.
SELECT o.id, o.scope, v.version, o.deleted, v.body, v.description, o.created_us, v.changed_us, v.changed_by
FROM objects AS o
JOIN object_versions AS v USING (project, kind, scope, id)
WHERE o.project = :project AND o.kind = :kind AND o.scope = :scope AND o.id = :id AND v.version = o.version;

-- name: objects
-- A range of scopes: one scope, or all that begin with a branch. After a scope and id, for pages.
SELECT o.id, o.scope, v.version, o.deleted, v.body, v.description, o.created_us, v.changed_us, v.changed_by
FROM objects AS o
JOIN object_versions AS v ON v.project = o.project AND v.kind = o.kind AND v.scope = o.scope AND v.id = o.id
    AND v.version = o.version
WHERE o.project = :project AND o.kind = :kind AND o.scope >= :scope AND o.scope <= :scope_to AND o.deleted = 0
    AND (o.scope, o.id) > (:after_scope, :after_id)
ORDER BY o.scope, o.id;

-- name: object_texts
-- All of a project, with the bodies unparsed.
SELECT o.kind, o.scope, o.id, o.version, CAST(v.body AS BLOB)
FROM objects AS o
JOIN object_versions AS v ON v.project = o.project AND v.kind = o.kind AND v.scope = o.scope AND v.id = o.id
    AND v.version = o.version
WHERE o.project = ? AND o.deleted = 0 ORDER BY o.kind, o.scope, o.id;

-- name: object_numbers
-- Any change of an object changes this result.
SELECT kind, scope, id, version FROM objects WHERE project = ? AND deleted = 0;

-- name: count_objects
SELECT count(*) FROM objects WHERE project = ? AND kind = ? AND deleted = 0;

-- name: object_number
-- Also of a deleted object.
SELECT version, deleted FROM objects WHERE project = :project AND kind = :kind AND scope = :scope AND id = :id;

-- name: object_versions
-- Newest first; contents are read one by one.
SELECT version, description, changed_us, changed_by FROM object_versions
WHERE project = :project AND kind = :kind AND scope = :scope AND id = :id AND version < :before
ORDER BY version DESC;

-- name: put_object
INSERT INTO objects (project, kind, scope, id, version, created_us)
VALUES (:project, :kind, :scope, :id, :version, :now_us)
ON CONFLICT (project, kind, scope, id) DO UPDATE SET version = excluded.version, deleted = 0;

-- name: insert_object_version
INSERT INTO object_versions (project, kind, scope, id, version, body, description, changed_us, changed_by)
VALUES (:project, :kind, :scope, :id, :version, :body, :description, :now_us, :by);

-- name: delete_object
-- Hidden only: jobs keep running with the versions they froze.
UPDATE objects SET deleted = 1
WHERE project = :project AND kind = :kind AND scope = :scope AND id = :id AND deleted = 0;

-- name: delete_in_branch
UPDATE objects SET deleted = 1
WHERE project = :project AND kind = :kind AND scope >= :scope AND scope <= :scope_to AND deleted = 0;

-- name: state
SELECT body, version, changed_us, job_id FROM states
WHERE project = ? AND branch = ? AND component = ? AND config = ? AND row = ?;

-- For a check of all of them, in the order of the table.
-- name: all_states
SELECT project, branch, component, config, row, changed_us, body FROM states;

-- name: put_state
INSERT INTO states (project, branch, component, config, row, body, version, changed_us, job_id)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (project, branch, component, config, row) DO UPDATE SET
    body = excluded.body, version = excluded.version, changed_us = excluded.changed_us, job_id = excluded.job_id;

-- name: keep_earlier_state
-- Run before a newer state replaces it.
INSERT OR REPLACE INTO earlier_states (project, branch, component, config, row, version, body, changed_us, job_id)
SELECT project, branch, component, config, row, version, body, changed_us, job_id FROM states
WHERE project = ? AND branch = ? AND component = ? AND config = ? AND row = ?;

-- name: forget_earlier_states
DELETE FROM earlier_states
WHERE project = ? AND branch = ? AND component = ? AND config = ? AND row = ? AND version < ?;

-- name: earlier_state
SELECT body FROM earlier_states
WHERE project = ? AND branch = ? AND component = ? AND config = ? AND row = ? AND version = ?;

-- name: states_of_job
-- With the current version, and the job that saved it.
SELECT m.project, m.branch, m.component, m.config, m.row, m.version, s.version, s.job_id
FROM (
    SELECT project, branch, component, config, row, version FROM states WHERE job_id = :job_id
    UNION ALL
    SELECT project, branch, component, config, row, version FROM earlier_states WHERE job_id = :job_id
) m JOIN states s USING (project, branch, component, config, row);

-- name: tables_of_job
-- With the first version that the job wrote, and the jobs that wrote later ones.
SELECT t.id, t.branch_id, t.head, t.oldest, f.first, (
    SELECT json_group_array(DISTINCT ifnull(l.job_id, 'another program')) FROM table_versions l
    WHERE l.number = t.number AND l.version > f.first AND l.job_id IS NOT :job_id
)
FROM (SELECT number, min(version) AS first FROM table_versions WHERE job_id = :job_id GROUP BY number) f
JOIN tables t USING (number) WHERE t.dropped_us IS NULL;

-- name: dedup
SELECT params_hash, ref, job_id, created_us FROM dedup WHERE project = ? AND uid = ? AND method = ? AND id = ?;

-- name: insert_dedup
INSERT INTO dedup (project, uid, method, id, params_hash, ref, job_id, created_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- name: move_dedup
-- A repeat of the first request returns the successor.
UPDATE dedup SET ref = ?, job_id = ? WHERE job_id = ?;

-- name: expired_jobs
-- Final jobs only: the folder of a job that runs again is in use.
SELECT id FROM jobs INDEXED BY jobs_expiry
WHERE expires_us <= ? AND cleaned_us IS NULL
    AND status IN ('success', 'warning', 'error', 'cancelled', 'terminated')
ORDER BY expires_us LIMIT ?;

-- name: mark_cleaned
-- The environment is removed with the folder.
UPDATE jobs SET cleaned_us = :now_us, env_hash = NULL WHERE id = :id;

-- name: environment_of
SELECT env_hash, spec_hash FROM jobs WHERE id = ?;

-- name: delete_spec_unless_used
DELETE FROM specs WHERE hash = :hash
    AND NOT EXISTS (SELECT 1 FROM jobs WHERE spec_hash = :hash)
    AND NOT EXISTS (SELECT 1 FROM jobs WHERE env_hash = :hash);

-- name: newest_prunable
-- All before the first event that is recent enough, but never one of those that are always kept. Times may go back a
-- little, so the first recent one decides; reading stops there.
SELECT min(
    (SELECT ifnull(max(seq), 0) FROM events) - :keep_count,
    ifnull((SELECT seq - 1 FROM events WHERE time_us >= :before_us ORDER BY seq LIMIT 1), 9223372036854775807)
);

-- name: least_cursor
-- The event up to which all followers have decided. Their names are letters.
SELECT min(CAST(value AS INTEGER)) FROM meta WHERE key BETWEEN 'follower:' AND 'follower:~';

-- name: delete_events
-- In batches, so that no other write waits long.
DELETE FROM events WHERE seq IN (SELECT seq FROM events WHERE seq <= :through ORDER BY seq LIMIT :limit);

-- name: prune_dedup
-- Kept while the job exists, and at least until the given time.
DELETE FROM dedup WHERE created_us < ? AND (job_id IS NULL OR NOT EXISTS (SELECT 1 FROM jobs WHERE id = job_id));

-- name: strong_children
SELECT id, status FROM jobs WHERE parent_id = ? AND relation = 'strong' ORDER BY id;

-- name: delete_job
-- Labels and dependencies are deleted with it.
DELETE FROM jobs WHERE id = ?;

-- name: recovery_conditions
SELECT {condition_columns} FROM recovery_conditions;

-- name: put_recovery_condition
INSERT OR REPLACE INTO recovery_conditions (id, project, tester, asks, next_check_us, pause_us, checks, last)
VALUES (:id, :project, :tester, :asks, :next_check_us, :pause_us, :checks, :last);

-- name: delete_recovery_condition
DELETE FROM recovery_conditions WHERE id = ?;

-- name: asides
SELECT token, purpose, reference, account, created_us FROM asides ORDER BY created_us;

-- name: insert_aside
INSERT INTO asides (token, purpose, reference, account, created_us) VALUES (?, ?, ?, ?, ?);

-- name: delete_aside
DELETE FROM asides WHERE token = ?;

-- name: schedule
SELECT {schedule_columns} FROM schedules WHERE project = ? AND id = ?;

-- name: schedules_of
SELECT {schedule_columns} FROM schedules WHERE project = ? AND id IN (SELECT value FROM json_each(?));

-- name: schedules_due
SELECT project, id FROM schedules WHERE due_us <= ? ORDER BY due_us LIMIT ?;

-- name: next_due
-- Both are read from the ends of indexes.
SELECT min(due_us), (SELECT min(deadline_us) FROM expectations) FROM schedules WHERE due_us IS NOT NULL;

-- name: schedules_ahead
-- Those whose settled time is after a time: the clock was set back.
SELECT project, id FROM schedules WHERE settled_us > ?;

-- name: zones_of_schedules
-- Few rows, however many schedules there are.
SELECT DISTINCT zone, zone_digest FROM schedules;

-- name: schedules_in_zone
SELECT project, id FROM schedules WHERE zone = ? AND zone_digest = ?;

-- name: broken_schedules
SELECT project, id FROM schedules WHERE broken > '';

-- name: live_jobs_of_schedules
SELECT id FROM jobs INDEXED BY jobs_live
WHERE id > 0 AND status IN ('created', 'waiting', 'processing', 'terminating') AND schedule_id IS NOT NULL;

-- name: put_schedule
INSERT INTO schedules (project, id, owner_uid, owner_gid, owner_name, zone, zone_digest, settled_us, settled_wall_us)
VALUES (:project, :id, :owner_uid, :owner_gid, :owner_name, :zone, :zone_digest, :settled_us, :settled_wall_us);

-- name: update_schedule
-- All columns except the key: the caller has read the row in the same transaction.
UPDATE schedules SET owner_uid = :owner_uid, owner_gid = :owner_gid, owner_name = :owner_name,
    zone = :zone, zone_digest = :zone_digest, settled_us = :settled_us, settled_wall_us = :settled_wall_us,
    due_us = :due_us, paused_us = :paused_us, paused_until_us = :paused_until_us, pause = :pause,
    disabled_us = :disabled_us, broken = :broken, firings = :firings, failures = :failures, fired_us = :fired_us
WHERE project = :project AND id = :id;

-- name: delete_schedule
DELETE FROM schedules WHERE project = ? AND id = ?;

-- name: newest_moment
SELECT {moment_columns} FROM moments WHERE project = ? AND schedule = ? ORDER BY moment_us DESC LIMIT 1;

-- name: moments_behind
-- Rows that end after a time. They do not overlap, so orders by end and by begin are the same.
SELECT moment_us, last_us FROM moments WHERE project = ? AND schedule = ? AND last_us > ? ORDER BY moment_us;

-- name: insert_moment
INSERT INTO moments (project, schedule, moment_us, last_us, count, wall, due_us, decided_us, outcome, cause, job_id,
    version, error)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: extend_moment
UPDATE moments SET last_us = ?, count = ?, decided_us = ? WHERE project = ? AND schedule = ? AND moment_us = ?;

-- name: take_back_moments
-- Moments to be decided again, because the clock was set back. Those with a job stay decided.
DELETE FROM moments WHERE project = ? AND schedule = ? AND moment_us > ? AND job_id IS NULL;

-- name: insert_moment_job
INSERT INTO moment_jobs (project, schedule, moment_us, job_id, backfill) VALUES (?, ?, ?, ?, ?);

-- name: moment_jobs
SELECT moment_us, job_id FROM moment_jobs
WHERE project = ? AND schedule = ? AND moment_us BETWEEN ? AND ?;

-- name: backfill_jobs
SELECT m.job_id, m.project FROM moment_jobs AS m WHERE m.backfill = ? ORDER BY m.job_id;

-- name: made_jobs
-- The newest jobs of a schedule, including manual retries.
SELECT {made_columns} FROM jobs INDEXED BY jobs_schedule
WHERE project = ? AND schedule_id = ?
ORDER BY id DESC LIMIT ?;

-- name: live_made_jobs
SELECT {made_columns} FROM jobs INDEXED BY jobs_schedule
WHERE project = ? AND schedule_id = ?
    AND status IN ('created', 'waiting', 'processing', 'terminating') AND json_extract(schedule, '$.backfill') IS NULL
ORDER BY id;

-- name: newest_good_job
SELECT {made_columns} FROM jobs INDEXED BY jobs_schedule
WHERE project = ? AND schedule_id = ?
    AND status IN ('success', 'warning') AND json_extract(schedule, '$.moment') IS NOT NULL
ORDER BY id DESC LIMIT 1;

-- name: good_jobs_of_moment
SELECT j.id FROM jobs AS j INDEXED BY jobs_schedule
WHERE j.project = :project AND j.schedule_id = :schedule AND j.status IN ('success', 'warning')
    AND (json_extract(j.schedule, '$.moment') = :moment OR j.id = :job_id OR j.retry_of_id = :job_id)
LIMIT 1;

-- name: row_of_moment
SELECT {moment_columns} FROM moments
WHERE project = ? AND schedule = ? AND moment_us <= ? ORDER BY moment_us DESC LIMIT 1;

-- name: put_expectation
INSERT INTO expectations (project, schedule, moment_us, deadline_us) VALUES (?, ?, ?, ?)
ON CONFLICT (project, schedule, moment_us) DO NOTHING;

-- name: expectations_due
SELECT project, schedule, moment_us FROM expectations WHERE deadline_us <= ? ORDER BY deadline_us LIMIT ?;

-- name: delete_expectation
DELETE FROM expectations WHERE project = ? AND schedule = ? AND moment_us = ?;

-- name: delete_expectations
DELETE FROM expectations WHERE project = ? AND schedule = ?;

-- name: move_expectations
-- They are durations, so they move with a clock that is set.
UPDATE expectations SET deadline_us = deadline_us + ?;

-- name: prune_moments
-- A row stays as long as its job.
DELETE FROM moments WHERE last_us < ? AND (job_id IS NULL OR NOT EXISTS (SELECT 1 FROM jobs WHERE id = job_id));

-- name: ledger
-- Newest first, before a moment. Rows do not overlap, so bounds on their begins and ends form a range.
SELECT m.moment_us, m.last_us, m.count, m.wall, m.due_us, m.decided_us, m.outcome, m.cause, m.job_id, m.version,
    m.error, j.status
FROM moments AS m LEFT JOIN jobs AS j ON j.id = m.job_id
WHERE m.project = :project AND m.schedule = :schedule AND m.moment_us < :before AND m.moment_us <= :to_us
    AND m.last_us >= :from_us AND (:outcomes = '[]' OR m.outcome IN (SELECT value FROM json_each(:outcomes)))
ORDER BY m.moment_us DESC;

-- name: jobs_between
-- The jobs of moments in a range: their own, those they were merged into, further ones, and manual retries of all.
WITH known (first_us, last_us, job_id) AS (
    SELECT moment_us, last_us, job_id FROM moments
    WHERE project = :project AND schedule = :schedule AND moment_us <= :to_us AND last_us >= :from_us
        AND job_id IS NOT NULL
    UNION ALL
    SELECT moment_us, moment_us, job_id FROM moment_jobs
    WHERE project = :project AND schedule = :schedule AND moment_us BETWEEN :from_us AND :to_us
)
SELECT k.first_us, k.last_us, j.id, j.status FROM known AS k JOIN jobs AS j ON j.id = k.job_id OR j.retry_of_id = k.job_id;

-- name: trigger
SELECT {trigger_columns} FROM triggers WHERE project = ? AND id = ?;

-- name: triggers_of
SELECT {trigger_columns} FROM triggers WHERE project = ? AND id IN (SELECT value FROM json_each(?));

-- name: triggers_due
SELECT project, id FROM triggers WHERE due_us <= ? ORDER BY due_us LIMIT ?;

-- name: next_trigger
SELECT min(due_us) FROM triggers WHERE due_us IS NOT NULL;

-- name: all_triggers
-- A project has at most a thousand.
SELECT t.project, t.id, t.since_seq, v.body
FROM triggers AS t
JOIN objects AS o ON o.project = t.project AND o.kind = 'trigger' AND o.scope = '' AND o.id = t.id
JOIN object_versions AS v ON v.project = o.project AND v.kind = o.kind AND v.scope = o.scope AND v.id = o.id
    AND v.version = o.version;

-- name: put_trigger
INSERT INTO triggers (project, id, owner_uid, owner_gid, owner_name, since_seq)
VALUES (:project, :id, :owner_uid, :owner_gid, :owner_name, :since_seq);

-- name: update_trigger
UPDATE triggers SET owner_uid = :owner_uid, owner_gid = :owner_gid, owner_name = :owner_name,
    since_seq = :since_seq, due_us = :due_us, fired_us = :fired_us, paused_us = :paused_us, pause = :pause,
    is_disabled = :is_disabled, firings = :firings, failures = :failures, broken = :broken, watched = :watched
WHERE project = :project AND id = :id;

-- name: delete_trigger
DELETE FROM triggers WHERE project = ? AND id = ?;

-- name: move_triggers
-- Cool-downs and quiet times are durations, so they move with a clock that is set.
UPDATE triggers SET due_us = due_us + :by_us, fired_us = fired_us + :by_us;

-- name: move_causes
UPDATE causes SET time_us = time_us + ?;

-- name: put_cause
INSERT INTO causes (project, id, seq, time_us, conditions, heard, depth) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (project, id, seq) DO NOTHING;

-- name: causes
SELECT {cause_columns} FROM causes WHERE project = ? AND id = ? ORDER BY number LIMIT ?;

-- name: delete_causes
DELETE FROM causes WHERE project = ? AND id = ? AND number <= ?;

-- name: insert_firing
INSERT INTO firings (project, id, last_cause, decided_us, outcome, because, job_id, version, causes, error)
VALUES (:project, :id, :last_cause, :decided_us, :outcome, :because, :job_id, :version, :causes, :error);

-- name: firings
SELECT {firing_columns} FROM firings WHERE project = ? AND id = ? AND number < ? ORDER BY number DESC;

-- name: prune_firings
DELETE FROM firings WHERE decided_us < ? AND (job_id IS NULL OR NOT EXISTS (SELECT 1 FROM jobs WHERE id = job_id));

-- name: live_triggered_jobs
SELECT id, status, created_us, trigger FROM jobs INDEXED BY jobs_trigger
WHERE project = ? AND trigger_id = ? AND status IN ('created', 'waiting', 'processing', 'terminating') ORDER BY id;

-- name: lineage_triggers
-- The trigger data of a job and its ancestors.
SELECT trigger FROM jobs WHERE id IN (SELECT value FROM json_each(?)) AND trigger IS NOT NULL;

-- name: watchers
SELECT uid, token, watches, next_seq FROM watchers ORDER BY uid;

-- name: watcher
SELECT uid, token, watches, next_seq FROM watchers WHERE token = ?;

-- name: add_watcher
INSERT INTO watchers (uid, token, watches) VALUES (?, ?, ?);

-- name: advance_watcher
UPDATE watchers SET next_seq = ?, watches = ? WHERE token = ? AND next_seq = ?;

-- name: delete_watcher
DELETE FROM watchers WHERE token = ?;

-- name: known_file
SELECT inode, size_bytes, modified_ns FROM known_files WHERE project = ? AND id = ? AND folder = ? AND name = ?;

-- name: put_known_file
INSERT INTO known_files (project, id, folder, name, inode, size_bytes, modified_ns, token)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (project, id, folder, name) DO UPDATE SET inode = excluded.inode, size_bytes = excluded.size_bytes,
    modified_ns = excluded.modified_ns, token = excluded.token, gone_us = NULL;

-- name: file_is_gone
UPDATE known_files SET gone_us = ? WHERE project = ? AND id = ? AND folder = ? AND name = ?;

-- name: other_files_are_gone
-- Files that a watcher did not find.
UPDATE known_files SET gone_us = ? WHERE project = ? AND id = ? AND folder = ? AND token <> ? AND gone_us IS NULL;

-- name: delete_known_files
DELETE FROM known_files WHERE project = ? AND id = ? AND folder NOT IN (SELECT value FROM json_each(?));

-- name: prune_known_files
DELETE FROM known_files WHERE gone_us < ?;

-- name: has_subscriptions
SELECT EXISTS (SELECT 1 FROM subscriptions WHERE id <> '');

-- name: have_subscriptions_changed
SELECT EXISTS (
    SELECT 1 FROM events INDEXED BY events_rare
    WHERE kind NOT IN ('job.created', 'job.status', 'job.stage') AND kind IN (SELECT value FROM json_each(?)) AND seq > ?
);

-- name: subscriptions
SELECT s.project, s.id, s.since_seq, v.body FROM subscriptions s
JOIN objects o ON o.project = s.project AND o.kind = 'notification' AND o.scope = '' AND o.id = s.id
JOIN object_versions v ON v.project = o.project AND v.kind = o.kind AND v.scope = o.scope AND v.id = o.id
    AND v.version = o.version
ORDER BY s.project, s.id;

-- name: subscription
SELECT owner, secrets, is_shown, rotated_us FROM subscriptions WHERE project = ? AND id = ?;

-- name: add_subscription
INSERT INTO subscriptions (project, id, since_seq, owner) VALUES (?, ?, ?, ?);

-- name: set_webhook_secrets
UPDATE subscriptions SET secrets = :secrets, is_shown = :is_shown, rotated_us = :rotated_us
WHERE project = :project AND id = :id;

-- name: webhook_secrets
SELECT rowid, secrets, project, id FROM subscriptions
WHERE rowid > :after AND instr(secrets, :mark) ORDER BY rowid LIMIT :limit;

-- name: update_webhook_secrets
UPDATE subscriptions SET secrets = ? WHERE rowid = ?;

-- name: delete_subscription
DELETE FROM subscriptions WHERE project = ? AND id = ?;

-- name: delete_failure_runs
DELETE FROM failure_runs WHERE project = ? AND subscription = ?;

-- name: failure_run
SELECT failures, is_told FROM failure_runs WHERE project = ? AND subscription = ? AND subject = ?;

-- name: put_failure_run
INSERT INTO failure_runs (project, subscription, subject, failures, is_told) VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET failures = excluded.failures, is_told = excluded.is_told;

-- name: delete_failure_run
DELETE FROM failure_runs WHERE project = ? AND subscription = ? AND subject = ?;

-- name: insert_notice
INSERT INTO notices (project, event, seq, job_id, body, created_us)
VALUES (?, ?, ?, ?, ?, ?);

-- name: notice_body
SELECT body FROM notices WHERE id = ?;

-- name: insert_receivers
INSERT INTO receivers (project, name) SELECT ?, value FROM json_each(?) WHERE true ON CONFLICT DO NOTHING;

-- name: insert_deliveries
-- Several notices, all for the same receivers.
WITH told AS MATERIALIZED (
    SELECT id FROM receivers WHERE project = :project AND name IN (SELECT value FROM json_each(:receivers))
)
INSERT INTO deliveries (notice_id, receiver_id, channel, status, next_us)
SELECT n.value, told.id, :channel, 'pending', :now_us FROM json_each(:notices) n CROSS JOIN told;

-- name: insert_delivery
INSERT INTO deliveries (notice_id, receiver_id, channel, place, status, next_us, digest, url)
SELECT :notice_id, id, :channel, :place, 'pending', :next_us, :digest, :url
FROM receivers WHERE project = :project AND name = :receiver;

-- name: count_pending
SELECT count(*) FROM (
    SELECT 1 FROM receivers r JOIN deliveries d INDEXED BY deliveries_due ON d.status = 'pending' AND d.receiver_id = r.id
    WHERE r.project = ? LIMIT ?
);

-- name: note_dropped
INSERT INTO dropped_notifications (project, count, told_us) VALUES (?, ?, 0)
ON CONFLICT DO UPDATE SET count = count + excluded.count;

-- name: dropped
SELECT project, count, told_us FROM dropped_notifications WHERE count > 0;

-- name: told_dropped
UPDATE dropped_notifications SET count = 0, told_us = ? WHERE project = ?;

-- name: digest
SELECT until_us, leader FROM digests WHERE project = ? AND subscription = ?;

-- name: put_digest
INSERT INTO digests (project, subscription, until_us, leader) VALUES (?, ?, ?, ?)
ON CONFLICT DO UPDATE SET until_us = excluded.until_us, leader = excluded.leader;

-- name: delete_digest
DELETE FROM digests WHERE project = ? AND subscription = ?;

-- name: lead_digest
UPDATE deliveries SET digest = id WHERE id = ?;

-- name: bodies_of_digest
SELECT n.body FROM deliveries d JOIN notices n ON n.id = d.notice_id WHERE d.digest = ? ORDER BY d.id LIMIT ?;

-- name: count_digest
SELECT count(*) FROM deliveries WHERE digest = ?;

-- name: put_notification_timer
INSERT INTO notification_timers (job_id, project, subscription, event, seq, after_us, average_us)
SELECT id, :project, :subscription, :event, :seq, :after_us, :average_us FROM jobs WHERE id = :job_id
ON CONFLICT DO NOTHING;

-- name: notification_timers
SELECT job_id, project, subscription, event, seq, after_us, average_us FROM notification_timers;

-- name: delete_notification_timer
DELETE FROM notification_timers WHERE job_id = ? AND project = ? AND subscription = ? AND event = ?;

-- name: good_runs_of_config
-- The newest jobs of a configuration that ended well, whichever of its rows ran.
SELECT spec_hash, duration_us FROM jobs INDEXED BY jobs_config
WHERE project = :project AND config = :config AND component = :component AND ifnull(branch_id, '') = :branch
    AND mode IS :mode AND type = :type AND status IN ('success', 'warning') AND id < :before
    AND (:phase IS NULL OR creator_id = :phase)
ORDER BY id DESC LIMIT :limit;

-- name: good_runs_of_spec
SELECT spec_hash, duration_us FROM jobs INDEXED BY jobs_spec
WHERE spec_hash = :spec_hash AND project = :project AND type = :type AND status IN ('success', 'warning')
    AND id < :before AND (:phase IS NULL OR creator_id = :phase)
ORDER BY id DESC LIMIT :limit;

-- name: live_notifying_jobs
SELECT id FROM jobs INDEXED BY jobs_notifying
WHERE notifies = 1 AND status IN ('created', 'waiting', 'processing', 'terminating');

-- name: spent_notifications
SELECT place FROM spent_notifications WHERE job_id = ?;

-- name: spend_notification
INSERT INTO spent_notifications (job_id, place) VALUES (?, ?) ON CONFLICT DO NOTHING;

-- name: delivery
SELECT {delivery_columns} FROM told_deliveries WHERE id = ?;

-- name: deliveries_by_id
SELECT {delivery_columns} FROM told_deliveries WHERE id IN (SELECT value FROM json_each(?)) ORDER BY next_us, id;

-- name: waiting_receivers
-- Skips from one receiver to the next, with one look-up each. None of its deliveries is being sent.
SELECT r.id, d.channel, d.next_us
FROM receivers r JOIN deliveries d ON d.id = (
    SELECT id FROM deliveries INDEXED BY deliveries_due
    WHERE status = 'pending' AND receiver_id = r.id ORDER BY next_us LIMIT 1
)
WHERE NOT EXISTS (SELECT 1 FROM deliveries b WHERE b.status = 'sending' AND b.receiver_id = r.id);

-- name: due_to_receiver
SELECT next_us, id FROM deliveries INDEXED BY deliveries_due
WHERE status = 'pending' AND receiver_id = :receiver_id AND next_us <= :now_us AND (digest IS NULL OR digest = id)
ORDER BY next_us LIMIT :limit;

-- name: attempts_of_receiver
-- The newest attempts since a time, newest first.
SELECT attempted_us FROM deliveries
WHERE receiver_id = :receiver_id AND attempted_us > :since_us ORDER BY attempted_us DESC LIMIT :limit;

-- name: asides_of_purpose
SELECT count(*) FROM asides WHERE purpose = ?;

-- name: give_to_courier
UPDATE deliveries SET status = 'sending', token = :token, next_us = NULL,
    attempted_us = CASE WHEN digest IS NULL OR digest = id THEN :now_us END
WHERE status = 'pending'
    AND (id IN (SELECT value FROM json_each(:ids)) OR digest IN (SELECT value FROM json_each(:ids)));

-- name: deliveries_of_courier
SELECT {delivery_columns} FROM told_deliveries WHERE status = 'sending' AND token = ? AND (digest IS NULL OR digest = id);

-- name: lost_deliveries
SELECT {delivery_columns} FROM told_deliveries
WHERE status = 'sending' AND token NOT IN (SELECT token FROM asides) AND (digest IS NULL OR digest = id);

-- name: settle_delivery
UPDATE deliveries SET status = :status, attempts = :attempts, next_us = :next_us, token = NULL, ended_us = :ended_us
WHERE status = 'sending' AND (id = :id OR digest = :id);

-- name: cancel_deliveries_of
UPDATE deliveries SET status = 'cancelled', next_us = NULL, ended_us = ?
WHERE status = 'pending' AND receiver_id = (SELECT id FROM receivers WHERE project = ? AND name = ?);

-- name: count_deliveries_since
SELECT count(*) FROM deliveries
WHERE receiver_id = (SELECT id FROM receivers WHERE project = ? AND name = ?) AND status = ? AND ended_us >= ?;

-- name: deliveries
SELECT {delivery_columns} FROM told_deliveries
WHERE project = :project AND id < :before AND (:subscription IS NULL OR (receiver = :subscription AND place < 0))
    AND (:job_id IS NULL OR job_id = :job_id) AND (:statuses = '[]' OR status IN (SELECT value FROM json_each(:statuses)))
    AND (:from_us IS NULL OR created_us >= :from_us) AND (:to_us IS NULL OR created_us < :to_us)
ORDER BY id DESC;

-- name: redeliver
-- Deliveries that were one message become one message again.
UPDATE deliveries SET status = 'pending', next_us = :now_us, ended_us = NULL
WHERE id IN (
    SELECT id FROM told_deliveries
    WHERE project = :project AND status IN ('dead', 'delivered')
        AND (:id IS NULL OR id = :id OR digest = (SELECT digest FROM deliveries WHERE id = :id))
        AND (:subscription IS NULL OR (receiver = :subscription AND place < 0))
        AND (:from_us IS NULL OR created_us >= :from_us) AND (:to_us IS NULL OR created_us < :to_us)
);

-- name: cancel_delivery
UPDATE deliveries SET status = 'cancelled', next_us = NULL, ended_us = :now_us
WHERE status = 'pending' AND (id = :id OR digest = (SELECT digest FROM deliveries WHERE id = :id))
    AND receiver_id IN (SELECT id FROM receivers WHERE project = :project);

-- name: count_deliveries
SELECT channel, status, count(*), min(CASE status WHEN 'pending' THEN created_us END) FROM told_deliveries
GROUP BY channel, status;

-- name: prune_deliveries
DELETE FROM deliveries WHERE status = ? AND ended_us < ?;

-- name: prune_notices
DELETE FROM notices WHERE NOT EXISTS (SELECT 1 FROM deliveries WHERE notice_id = notices.id);

-- name: prune_receivers
DELETE FROM receivers WHERE id NOT IN (SELECT receiver_id FROM deliveries);

-- name: object_secrets
-- Every version: old ones stay readable. A quoted text is found anywhere in the body.
SELECT rowid, body, project, kind, scope, id FROM object_versions
WHERE rowid > :after AND instr(body, :mark) ORDER BY rowid LIMIT :limit;

-- name: update_object_body
-- Encrypted with another key, it is still the same version.
UPDATE object_versions SET body = ? WHERE rowid = ?;

-- name: state_secrets
SELECT rowid, body, project, branch, component, config FROM states
WHERE rowid > :after AND instr(body, :mark) ORDER BY rowid LIMIT :limit;

-- name: update_state_body
UPDATE states SET body = ? WHERE rowid = ?;

-- name: earlier_state_secrets
SELECT rowid, body, project, branch, component, config FROM earlier_states
WHERE rowid > :after AND instr(body, :mark) ORDER BY rowid LIMIT :limit;

-- name: update_earlier_state_body
UPDATE earlier_states SET body = ? WHERE rowid = ?;

-- name: spec_secrets
SELECT rowid, body FROM specs
WHERE rowid > :after AND instr(body, CAST(:mark AS BLOB)) ORDER BY rowid LIMIT :limit;

-- name: update_spec_body
UPDATE specs SET body = ? WHERE rowid = ?;

-- name: plain_specs
-- Specifications with secrets, and environments, which have no mark of their own.
SELECT rowid, body, hash, hash IN (SELECT env_hash FROM jobs WHERE env_hash IS NOT NULL) FROM specs
WHERE rowid > :after
    AND (instr(body, CAST(:mark AS BLOB)) OR hash IN (SELECT env_hash FROM jobs WHERE env_hash IS NOT NULL))
ORDER BY rowid LIMIT :limit;

-- name: projects_of_spec
SELECT DISTINCT project, component FROM jobs WHERE spec_hash = :hash OR env_hash = :hash;

-- name: rename_spec
UPDATE jobs SET spec_hash = :new WHERE spec_hash = :old AND project = :project;

-- name: rename_environment
UPDATE jobs SET env_hash = :new WHERE env_hash = :old AND project = :project;

-- name: plain_hashes
SELECT project, uid, method, id, params_hash FROM dedup WHERE instr(params_hash, ':') = 0 LIMIT :limit;

-- name: set_params_hash
UPDATE dedup SET params_hash = ? WHERE project = ? AND uid = ? AND method = ? AND id = ?;

-- name: has_secrets
-- Environments have no mark of their own.
SELECT 1 FROM object_versions WHERE instr(body, '"#')
UNION ALL SELECT 1 FROM states WHERE instr(body, '"#')
UNION ALL SELECT 1 FROM specs WHERE instr(body, CAST('"#' AS BLOB))
UNION ALL SELECT 1 FROM jobs WHERE env_hash IS NOT NULL
LIMIT 1;

-- name: tables_by_key
-- `keys` is a JSON list.
SELECT {table_columns} FROM tables WHERE key IN (SELECT value FROM json_each(:keys));

-- name: pin_tables
-- The heads of the tables that a job reads, at its start, and the versions requested.
UPDATE jobs SET pins = json_patch((
    SELECT json_group_object(key, head) FROM tables WHERE key IN (SELECT value FROM json_each(jobs.reads))
), ifnull(pinned, json_object())) WHERE id = ?;

-- name: staged_commits
-- Commits that may not be published yet, so that readers use the staged ones.
SELECT number, version, staged, sha256 FROM table_versions WHERE published_us IS NULL AND number IN (
    SELECT number FROM tables WHERE key IN (SELECT value FROM json_each(:keys))
);

-- name: head_jobs
-- The jobs that wrote the heads.
SELECT number, job_id FROM tables t JOIN table_versions v USING (number)
WHERE v.version = t.head AND t.key IN (SELECT value FROM json_each(:keys));

-- name: insert_table
INSERT INTO tables (
    project, branch_id, id, key, head, definition, rows_count, size_bytes, created_us, imported_us, changed_us
) VALUES (:project, :branch_id, :id, :key, :head, :definition, :rows_count, :size_bytes, :time_us, :time_us, :time_us)
RETURNING number;

-- name: move_head
-- The head moves only from the version that the load began with.
UPDATE tables SET head = :head, definition = :definition, rows_count = :rows_count, size_bytes = :size_bytes,
    imported_us = :time_us, changed_us = :time_us
WHERE key = :key AND head = :head - 1 RETURNING number;

-- name: note_import
-- For a load that changed nothing.
UPDATE tables SET imported_us = :time_us WHERE key = :key AND head = :head RETURNING number;

-- name: adopt_head
-- The versions in between are already in the log.
UPDATE tables SET head = :head, definition = :definition, rows_count = :rows_count, size_bytes = :size_bytes,
    imported_us = :time_us, changed_us = :time_us, trouble = NULL
WHERE key = :key AND head = :before RETURNING number;

-- name: take_up_table
-- For a table whose log exists but that is not in the database.
INSERT INTO tables (
    project, branch_id, id, key, head, oldest, definition, rows_count, size_bytes, created_us, imported_us, changed_us
) VALUES (
    :project, :branch_id, :id, :key, :head, :oldest, :definition, :rows_count, :size_bytes, :time_us, :time_us, :time_us
) ON CONFLICT DO NOTHING RETURNING number;

-- name: adopt_version
INSERT INTO table_versions (
    number, version, serial, time_us, job_id, operation, details, rows_count, staged, sha256, published_us
) VALUES (
    :number, :version, (SELECT min(coalesce(min(serial), 0), 0) - 1 FROM table_versions), :time_us, :job_id, :operation,
    :details, :rows_count, '', '', :published_us
);

-- name: insert_table_version
INSERT INTO table_versions (
    number, version, serial, time_us, job_id, operation, details, rows_count, staged, sha256, account
) VALUES (
    :number, :version, :serial, :time_us, :job_id, :operation, :details, :rows_count, :staged, :sha256, :account
);

-- name: unpublished
-- The versions of each table are in order.
SELECT v.number, t.project, t.branch_id, t.id, v.version, v.serial, v.job_id, v.staged, v.sha256, v.account, v.details
FROM table_versions v JOIN tables t USING (number)
WHERE v.published_us IS NULL AND t.dropped_us IS NULL ORDER BY v.number, v.version LIMIT ?;

-- name: note_published
UPDATE table_versions SET published_us = :time_us WHERE number = :number AND version = :version
RETURNING (SELECT json_array(project, branch_id, id) FROM tables t WHERE t.number = table_versions.number);

-- name: tables_page
-- By id; `text` is a part of an id, `bucket` its beginning.
SELECT {table_columns} FROM tables
WHERE project = :project AND branch_id = :branch_id AND key > :after AND dropped_us IS NULL
    AND (:bucket IS NULL OR substr(key, 1, length(:bucket)) = :bucket)
    AND (:text IS NULL OR instr(lower(id), :text))
ORDER BY key LIMIT :limit;

-- name: published_versions
SELECT number, max(v.version) FILTER (WHERE v.published_us IS NOT NULL), t.oldest
FROM table_versions v JOIN tables t USING (number)
WHERE number IN (SELECT value FROM json_each(:numbers)) GROUP BY number;

-- name: versions_page
-- The newest first.
SELECT {version_columns} FROM table_versions WHERE number = :number AND version < :before
ORDER BY version DESC LIMIT :limit;

-- name: definition_at
-- The definition at a version, which the next change of it has stored as the one before. Such versions are few.
SELECT json_extract(details, '$.definitionBefore') FROM table_versions
WHERE number = :number AND version > :version AND json_extract(details, '$.definitionBefore') IS NOT NULL
ORDER BY version LIMIT 1;

-- name: definition_of
SELECT definition FROM tables WHERE key = ?;

-- name: lake_size
SELECT count(*), ifnull(sum(size_bytes), 0) FROM tables WHERE dropped_us IS NULL;

-- name: drop_table
-- No table id can have this key.
UPDATE tables SET key = key || '@' || (
    SELECT serial FROM table_versions v WHERE v.number = tables.number AND v.version = tables.head
), dropped_us = :time_us
WHERE key = :key RETURNING number;

-- name: tables_of_branch
SELECT key, id FROM tables WHERE key > ? AND key < ? AND dropped_us IS NULL ORDER BY key;

-- name: newest_dropped
-- `@` and `A` are neighbours, and no key of an id has either.
SELECT key FROM tables WHERE key > :key || '@' AND key < :key || 'A' AND dropped_us IS NOT NULL
ORDER BY dropped_us DESC LIMIT 1;

-- name: trash_of
SELECT trash FROM tables WHERE key = ? AND dropped_us IS NOT NULL;

-- name: dropped_tables
-- Tables whose folders are not in the trash yet; the writer of the head moves them there.
SELECT t.number, t.project, t.branch_id, t.id, v.serial, v.account
FROM tables t JOIN table_versions v ON v.number = t.number AND v.version = t.head
WHERE t.dropped_us IS NOT NULL AND t.trash IS NULL;

-- name: note_trashed
UPDATE tables SET trash = :trash WHERE number = :number;

-- name: oldest_kept
-- The oldest of the head, the published version, the last versions, those since a time, and those pinned by live jobs.
SELECT t.number, t.key, max(t.oldest, min(
    max(t.head - :versions + 1, 0),
    ifnull((SELECT max(v.version) FROM table_versions v WHERE v.number = t.number AND v.published_us IS NOT NULL), 0),
    ifnull((
        SELECT min(v.version) FROM table_versions v
        WHERE v.number = t.number AND v.version >= t.oldest AND v.time_us >= :since_us
    ), t.head),
    ifnull((
        SELECT min(p.value) FROM jobs j, json_each(ifnull(j.pins, j.pinned)) p
        WHERE j.status IN ('created', 'waiting', 'processing', 'terminating') AND p.key = t.key
    ), t.head)
))
FROM tables t WHERE t.key IN (SELECT value FROM json_each(:keys));

-- name: move_oldest
UPDATE tables SET oldest = :oldest WHERE number = :number AND oldest < :oldest;

-- name: note_trouble
UPDATE tables SET trouble = :trouble WHERE number = :number
RETURNING json_array(project, branch_id, id);

-- name: troubled_tables
SELECT {table_columns} FROM tables WHERE trouble IS NOT NULL AND dropped_us IS NULL ORDER BY key;

-- name: all_table_keys
SELECT key FROM tables WHERE dropped_us IS NULL ORDER BY key;

-- name: table_keys
SELECT key FROM tables WHERE project = ? AND dropped_us IS NULL ORDER BY key;

-- name: claimed_tables
SELECT c.value FROM jobs j, json_each(j.claim, '$.tables') c
WHERE j.status IN ('created', 'waiting', 'processing', 'terminating');

-- name: known_trash
SELECT branch_id, id, trash FROM tables WHERE project = ? AND trash IS NOT NULL;

-- name: forget_trash
DELETE FROM tables WHERE project = ? AND dropped_us < ? AND trash IS NOT NULL;

-- name: insert_token
INSERT INTO tokens (project, name, uid, gid, user, role, sha256, made_with, created_us, expires_us)
VALUES (:project, :name, :uid, :gid, :user, :role, :sha256, :made_with, :created_us, :expires_us);

-- name: token
SELECT {token_columns} FROM tokens WHERE id = ?;

-- name: tokens
-- Of one user, or of all.
SELECT {token_columns} FROM tokens
WHERE project = :project AND (:uid IS NULL OR uid = :uid) AND id > :after ORDER BY id;

-- name: delete_token
-- With those created with it.
WITH RECURSIVE family (id) AS (
    VALUES (:id) UNION SELECT t.id FROM tokens t JOIN family f ON t.made_with = f.id
)
DELETE FROM tokens WHERE id IN (SELECT id FROM family) RETURNING id;

-- name: prune_tokens
DELETE FROM tokens WHERE expires_us < ?;

-- name: put_table_metadata
-- An unchanged value keeps its time.
INSERT INTO table_metadata (number, column_name, provider, key, value, time_us)
VALUES (:number, :column_name, :provider, :key, :value, :time_us)
ON CONFLICT (number, column_name, provider, key) DO UPDATE SET value = excluded.value, time_us = excluded.time_us
WHERE value <> excluded.value;

-- name: table_metadata
SELECT number, column_name, id, provider, key, value, time_us FROM table_metadata
WHERE number IN (SELECT value FROM json_each(?)) ORDER BY number, column_name, provider, key;

-- name: note_table_read
INSERT OR IGNORE INTO table_reads (number, version, job_id)
SELECT number, :version, :job_id FROM tables WHERE key = :key;

-- name: readers_of_version
SELECT job_id FROM table_reads WHERE number = ? AND version = ? ORDER BY job_id;

-- name: versions_read_by
SELECT number, version FROM table_reads WHERE job_id = ? ORDER BY number, version;

-- name: versions_made_by
SELECT number, version FROM table_versions WHERE job_id = ? ORDER BY number, version;

-- name: maker_of_version
SELECT job_id FROM table_versions WHERE number = ? AND version = ?;

-- name: tables_by_number
SELECT {table_columns} FROM tables WHERE number IN (SELECT value FROM json_each(?));

-- name: has_tables
-- Whether a bucket has tables.
SELECT 1 FROM tables WHERE key > :beginning AND key < :end AND dropped_us IS NULL LIMIT 1;

-- name: input_state
SELECT body FROM input_states WHERE project = ? AND branch = ? AND component = ? AND config = ? AND row = ?;

-- name: put_input_state
INSERT INTO input_states (project, branch, component, config, row, body, changed_us, job_id)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (project, branch, component, config, row) DO UPDATE SET
    before = body, body = excluded.body, changed_us = excluded.changed_us, job_id = excluded.job_id;

-- name: undo_first_input_states
-- States that did not exist before the job.
DELETE FROM input_states WHERE job_id = ? AND before IS NULL;

-- name: undo_input_states
UPDATE input_states SET body = before, before = NULL, job_id = NULL WHERE job_id = ?;

-- name: delete_input_state
DELETE FROM input_states WHERE project = ? AND branch = ? AND component = ? AND config = ? AND row = ?;

-- name: operations_between
-- The operations of the versions from one to another, with their times.
SELECT version, operation, time_us FROM table_versions WHERE number = ? AND version BETWEEN ? AND ? ORDER BY version;

-- name: reserve_file
INSERT INTO files (project, branch_id, uid, job_id, created_us) VALUES (?, ?, ?, ?, ?) RETURNING id;

-- name: reserved_files
SELECT id FROM files WHERE job_id = ? AND name IS NULL ORDER BY id;

-- name: store_file
UPDATE files SET name = :name, size_bytes = :size_bytes, sha256 = :sha256, created_us = :created_us,
    expires_us = :expires_us, details = :details
WHERE id = :id AND job_id = :job_id AND name IS NULL RETURNING id;

-- name: file_tags
SELECT file_id, tag FROM file_tags WHERE file_id IN (SELECT value FROM json_each(?)) ORDER BY file_id, tag;

-- name: add_file_tag
INSERT OR IGNORE INTO file_tags (tag, file_id) SELECT ?, id FROM files WHERE id = ? AND project = ?;

-- name: remove_file_tag
DELETE FROM file_tags WHERE file_id = ? AND tag = ?;

-- name: delete_file
UPDATE files SET deleted_us = ? WHERE id = ? AND deleted_us IS NULL RETURNING id;

-- name: files_of_job
SELECT {file_columns} FROM files WHERE job_id = ? AND name IS NOT NULL AND deleted_us IS NULL ORDER BY id;

-- name: expired_files
SELECT {file_columns} FROM files WHERE project = ? AND expires_us <= ? AND deleted_us IS NULL;

-- name: removable_files
-- Ids reserved for live jobs are still in use.
SELECT {file_columns} FROM files
WHERE project = ? AND (name IS NULL OR deleted_us IS NOT NULL) AND ifnull(deleted_us, created_us) <= ?
    AND (name IS NOT NULL OR NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = files.job_id AND jobs.end_us IS NULL));

-- name: forget_files
DELETE FROM files WHERE id IN (SELECT value FROM json_each(?));

-- name: family_of
-- The path up from a job: to the job that it retries, or to its container; and whether each is a retry.
WITH RECURSIVE above (id, is_retry, next, depth) AS (
    SELECT id, retry_of_id IS NOT NULL, coalesce(retry_of_id, CASE relation WHEN 'strong' THEN parent_id END), 0
    FROM jobs WHERE id = ?
    UNION ALL
    SELECT jobs.id, jobs.retry_of_id IS NOT NULL,
        coalesce(jobs.retry_of_id, CASE jobs.relation WHEN 'strong' THEN jobs.parent_id END), depth + 1
    FROM above CROSS JOIN jobs ON jobs.id = above.next
)
SELECT id, is_retry FROM above ORDER BY depth;

-- name: next_record_number
SELECT ifnull(max(number + count), 1) FROM failed_records
WHERE family_id = :family AND number = (SELECT max(number) FROM failed_records WHERE family_id = :family);

-- name: insert_records
INSERT INTO failed_records (
    family_id, number, count, job_id, retry_id, row, path, line, is_rejected, given_to
) VALUES (
    :family_id, :number, :count, :job_id, :retry_id, :row, :path, :line, :is_rejected, :given_to
);

-- name: records_around
-- The records that include a number.
SELECT family_id, number, count, job_id, retry_id, row, path, line, is_rejected, given_to FROM failed_records
WHERE family_id = ? AND number <= ? ORDER BY number DESC LIMIT 1;

-- name: delete_records_at
DELETE FROM failed_records WHERE family_id = ? AND number = ?;

-- name: forget_records_of
DELETE FROM failed_records WHERE job_id = ?;

-- name: take_records_back
-- For a retry that is purged and did not end well.
UPDATE failed_records SET given_to = NULL
WHERE given_to = :job_id AND (SELECT status FROM jobs WHERE id = :job_id) NOT IN ('success', 'warning');

-- name: records_of
-- Of a job, its descendants, and their retries; without attempts followed by others.
WITH RECURSIVE scope (id) AS (
    VALUES (:job_id)
    UNION
    SELECT jobs.id FROM scope CROSS JOIN jobs ON jobs.parent_id = scope.id AND jobs.relation = 'strong'
    UNION
    SELECT jobs.id FROM scope CROSS JOIN jobs ON jobs.retry_of_id = scope.id
)
SELECT {record_columns}
FROM failed_records
    JOIN jobs owner ON owner.id = job_id
    LEFT JOIN jobs retry ON retry.id = retry_id
    LEFT JOIN jobs given ON given.id = given_to
WHERE family_id = :family_id AND job_id IN (SELECT id FROM scope)
    AND NOT (
        ifnull((SELECT type FROM jobs WHERE id = owner.parent_id), '') = 'retryContainer' AND EXISTS (
            SELECT 1 FROM jobs later WHERE later.parent_id = owner.parent_id AND later.attempt > owner.attempt
        )
    )
ORDER BY number;

-- name: open_records
-- How many records of each of these jobs are open.
SELECT job_id, sum(count) AS open FROM (
    SELECT {record_columns}
    FROM failed_records
        LEFT JOIN jobs retry ON retry.id = retry_id
        LEFT JOIN jobs given ON given.id = given_to
    WHERE job_id IN (SELECT value FROM json_each(?))
) WHERE standing = 'open' GROUP BY job_id;

-- name: chunk_jobs
-- Of a split job: the jobs of its chunks, and the last attempt of each while its folder exists.
SELECT chunk, id, (
    SELECT work.id FROM jobs work
    WHERE work.id = ifnull((SELECT max(a.id) FROM jobs a WHERE a.parent_id = job.id AND a.relation = 'strong'), job.id)
        AND work.cleaned_us IS NULL
), status, json_extract(result, '$.counts')
FROM jobs job
WHERE parent_id IN (SELECT id FROM jobs WHERE parent_id = ? AND relation = 'strong') AND chunk IS NOT NULL;

-- name: chunks_before
-- The run whose chunks a retry carries over.
SELECT creator_id FROM jobs job
WHERE id = ? AND creator_type = 'retry' AND NOT EXISTS (
    SELECT 1 FROM jobs phase WHERE phase.parent_id = job.id AND phase.creator_id = 'splitter'
);

-- name: hand_pins_on
-- From the splitter of a split job to its assembler, which saves how far tables were read.
WITH RECURSIVE above (id) AS (
    SELECT parent_id FROM jobs WHERE id = :job_id
    UNION ALL
    SELECT jobs.parent_id FROM above CROSS JOIN jobs ON jobs.id = above.id WHERE jobs.type <> 'container'
), below (id) AS (
    SELECT jobs.id FROM above CROSS JOIN jobs ON jobs.parent_id = above.id AND jobs.relation = 'strong'
    WHERE jobs.type = 'phaseContainer' AND jobs.creator_id = 'assembler'
    UNION ALL
    SELECT jobs.id FROM below CROSS JOIN jobs ON jobs.parent_id = below.id AND jobs.relation = 'strong'
)
UPDATE jobs SET pinned = (SELECT pins FROM jobs WHERE id = :job_id) WHERE id IN (SELECT id FROM below);
