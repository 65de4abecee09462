-- The whole schema as it is now. A new database is made from this file; an old one comes to the same by
-- migrations/. Times are integers: microseconds since the epoch, UTC. Columns named in comments as JSON hold JSON text.

-- Facts about the store as a whole: its identity, whether the daemon drains, the highest purged id.
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Frozen specifications and environments, once per content.
CREATE TABLE specs (
    hash TEXT PRIMARY KEY,
    body BLOB NOT NULL
) STRICT;

-- By what of their specification jobs are found: the tag, and the rows that were asked for.
CREATE TABLE spec_terms (
    term TEXT NOT NULL,
    value TEXT NOT NULL,
    hash TEXT NOT NULL REFERENCES specs (hash) ON DELETE CASCADE,
    PRIMARY KEY (term, value, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX spec_terms_hash ON spec_terms (hash);

-- One row per job. The rules that can be said here are said here once more: the core decides, the database objects.
-- `acknowledged` is JSON: who has seen that it failed, when, and a comment. So are `claim`, the tables that it writes
-- or waits to write, `reads`, the keys of those that it reads, and `pins`, the versions in which it does. `undone_by` is
-- the job that undid it, `pinned` are the versions in which it is to read tables whatever their heads are. `pools` are
-- those in which it may run if there are several, `needs` its slots and resources, `resources` what it was given. `block`
-- is JSON: what a job waits for that recovery blocks; `blocked_us` is when it first did. `chunk`
-- is JSON: which chunk of another job it runs.
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY,
    project TEXT NOT NULL DEFAULT 'default',
    run_id TEXT NOT NULL,
    parent_id INTEGER,
    relation TEXT CHECK (relation IN ('weak', 'strong')),
    type TEXT NOT NULL DEFAULT 'standard',
    component TEXT,
    config TEXT,
    branch_id TEXT DEFAULT 'default',
    mode TEXT,
    name TEXT,
    description TEXT,
    labels TEXT, -- JSON {name: value}
    visible INTEGER NOT NULL DEFAULT 1 CHECK (visible IN (0, 1)),
    hidden_us INTEGER,
    owner_uid INTEGER,
    owner_gid INTEGER,
    owner_name TEXT,
    creator_type TEXT,
    creator_id TEXT,
    pool TEXT,
    priority INTEGER NOT NULL DEFAULT 0 CHECK (priority BETWEEN -100 AND 100),
    line_order INTEGER NOT NULL,
    lock_key TEXT,
    lock_policy TEXT CHECK (lock_policy IN ('exclusive', 'none') OR lock_policy GLOB 'shared:[1-9]*'),
    start_at_us INTEGER,
    held_by TEXT,
    held_us INTEGER,
    dedup_id TEXT,
    spec_hash TEXT REFERENCES specs (hash),
    env_hash TEXT REFERENCES specs (hash),
    status TEXT NOT NULL DEFAULT 'created' CHECK (status IN (
        'created', 'waiting', 'processing', 'terminating',
        'success', 'warning', 'error', 'cancelled', 'terminated'
    )),
    desired_status TEXT NOT NULL DEFAULT 'processing' CHECK (desired_status IN ('processing', 'terminating')),
    stage TEXT,
    stages TEXT, -- JSON {stage: time}
    progress REAL CHECK (progress BETWEEN 0.0 AND 1.0),
    message TEXT,
    created_us INTEGER NOT NULL,
    start_us INTEGER,
    end_us INTEGER,
    updated_us INTEGER,
    ready_us INTEGER,
    duration_us INTEGER NOT NULL DEFAULT 0, -- time in processing of the launches that are over
    paused_us INTEGER NOT NULL DEFAULT 0,
    paused_since_us INTEGER,
    paused_by TEXT,
    end_cause TEXT, -- what made it final
    delay_us INTEGER CHECK (delay_us >= 0), -- counts from the start of its container
    attempt INTEGER NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    starts INTEGER NOT NULL DEFAULT 0 CHECK (starts >= 0),
    launches INTEGER NOT NULL DEFAULT 0 CHECK (launches >= 0),
    spawned INTEGER NOT NULL DEFAULT 0 CHECK (spawned IN (0, 1)), -- the current token's process is known
    lost_count INTEGER NOT NULL DEFAULT 0 CHECK (lost_count >= 0),
    step INTEGER NOT NULL DEFAULT 0 CHECK (step >= 0),
    start_token TEXT,
    process TEXT, -- JSON
    result TEXT, -- JSON
    usage TEXT, -- JSON
    metrics TEXT, -- JSON
    kill_report TEXT, -- JSON
    parallelism ANY, -- a number or 'infinity'
    behavior_on_error TEXT CHECK (behavior_on_error IN ('fail', 'warning', 'stop')),
    retry TEXT, -- JSON: when a retry container makes another attempt
    retry_of_id INTEGER,
    resubmit_of_id INTEGER,
    expires_us INTEGER, -- when its folder may go
    cleaned_us INTEGER, -- when its folder went
    on_lost TEXT,
    acknowledged TEXT,
    schedule TEXT,
    schedule_id TEXT,
    trigger TEXT,
    trigger_id TEXT,
    claim TEXT,
    reads TEXT,
    pins TEXT,
    undone_by INTEGER,
    pinned TEXT,
    owner_via TEXT,
    notifies INTEGER NOT NULL DEFAULT 0,
    pools TEXT,
    needs TEXT,
    resources TEXT,
    block TEXT CHECK (block IS NULL OR status = 'created'),
    blocked_count INTEGER NOT NULL DEFAULT 0 CHECK (blocked_count >= 0),
    blocked_us INTEGER,
    work_root TEXT,
    remote TEXT,
    chunk TEXT,
    preempted_count INTEGER NOT NULL DEFAULT 0 CHECK (preempted_count >= 0),
    -- A job has an end exactly when it is final.
    CHECK ((end_us IS NOT NULL) = (status IN ('success', 'warning', 'error', 'cancelled', 'terminated'))),
    -- What processes has started.
    CHECK (status <> 'processing' OR start_us IS NOT NULL),
    -- Cancelled is a guarantee: no process of it ever was, nor of anything below a container.
    CHECK (status <> 'cancelled' OR starts = 0),
    -- A container has neither process nor folder.
    CHECK (type = 'standard' OR (launches = 0 AND start_token IS NULL AND expires_us IS NULL))
) STRICT;

-- Two jobs of one exclusive key never run at once, whatever the core believes.
CREATE UNIQUE INDEX jobs_exclusive ON jobs (project, lock_key)
    WHERE status IN ('processing', 'terminating') AND lock_policy = 'exclusive' AND lock_key IS NOT NULL;

-- What the core needs at start, in the order of ids.
CREATE INDEX jobs_live ON jobs (id) WHERE status IN ('created', 'waiting', 'processing', 'terminating');

-- Whose changes are told to those whom they named.
CREATE INDEX jobs_notifying ON jobs (id)
    WHERE notifies = 1 AND status IN ('created', 'waiting', 'processing', 'terminating');

-- Lists. Every index ends with the id by itself, so equality on it yields rows in the order of ids.
CREATE INDEX jobs_visible ON jobs (project, visible);
CREATE INDEX jobs_roots ON jobs (project, visible) WHERE relation IS NOT 'strong';
CREATE INDEX jobs_status ON jobs (project, status);
CREATE INDEX jobs_component ON jobs (project, component);
CREATE INDEX jobs_config ON jobs (project, config) WHERE config IS NOT NULL;
CREATE INDEX jobs_branch ON jobs (project, branch_id) WHERE branch_id <> 'default';
CREATE INDEX jobs_type ON jobs (project, type) WHERE type <> 'standard';
CREATE INDEX jobs_pool ON jobs (project, pool) WHERE pool <> 'default';
CREATE INDEX jobs_mode ON jobs (project, mode) WHERE mode <> 'run';
CREATE INDEX jobs_long ON jobs (project, duration_us)
    WHERE duration_us >= 1000000 AND start_us IS NOT NULL AND end_us IS NOT NULL;
CREATE INDEX jobs_owner ON jobs (project, owner_uid);
CREATE INDEX jobs_creator ON jobs (project, creator_id);
CREATE INDEX jobs_creator_type ON jobs (project, creator_type) WHERE creator_type <> 'user';
CREATE INDEX jobs_parent ON jobs (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX jobs_retry_of ON jobs (retry_of_id) WHERE retry_of_id IS NOT NULL;
CREATE INDEX jobs_name ON jobs (project, name) WHERE name IS NOT NULL;
-- A run's id begins with the id of its root: one tree is one value.
CREATE INDEX jobs_tree ON jobs (CAST(run_id AS INTEGER));
CREATE INDEX jobs_created ON jobs (project, created_us);
-- What has not ended sorts as if it ended last.
CREATE INDEX jobs_ended ON jobs (project, ifnull(end_us, 9223372036854775807));
-- What has not started sorts as if it started last.
CREATE INDEX jobs_started ON jobs (project, ifnull(start_us, 9223372036854775807));

-- Which times the jobs of 4096 ids in a row have: a list in one order begins where another's range does (blocks.py).
CREATE INDEX jobs_block_created ON jobs (project, id >> 12, created_us);
CREATE INDEX jobs_block_ended ON jobs (project, id >> 12, ifnull(end_us, 9223372036854775807));
CREATE INDEX jobs_block_started ON jobs (project, id >> 12, ifnull(start_us, 9223372036854775807));

-- Retention, and which specifications are still in use.
CREATE INDEX jobs_elsewhere ON jobs (work_root) WHERE work_root IS NOT NULL AND cleaned_us IS NULL;
CREATE INDEX jobs_expiry ON jobs (expires_us) WHERE expires_us IS NOT NULL AND cleaned_us IS NULL;
CREATE INDEX jobs_spec ON jobs (spec_hash) WHERE spec_hash IS NOT NULL;
CREATE INDEX jobs_env ON jobs (env_hash) WHERE env_hash IS NOT NULL;

-- The labels of jobs once more, one row each, for lists; the primary key yields them in the order of ids.
CREATE TABLE job_labels (
    label TEXT NOT NULL,
    value TEXT NOT NULL,
    job_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    PRIMARY KEY (label, value, job_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX job_labels_job ON job_labels (job_id);

-- Who waits for whom; `phase` is between phases of one orchestration. A purged job waits for nobody, and nobody for it.
CREATE TABLE dependencies (
    job_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    on_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    condition TEXT NOT NULL CHECK (condition IN ('success', 'failed', 'final', 'phase')),
    PRIMARY KEY (job_id, on_id),
    CHECK (job_id <> on_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX dependencies_on ON dependencies (on_id);

-- What happened. The newest row is never removed: the next number comes from it.
CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    time_us INTEGER NOT NULL,
    kind TEXT NOT NULL,
    project TEXT NOT NULL,
    job_id INTEGER,
    run_id TEXT,
    principal TEXT, -- JSON
    data TEXT NOT NULL -- JSON
) STRICT;
CREATE INDEX events_job ON events (job_id) WHERE job_id IS NOT NULL;
CREATE INDEX events_tree ON events (CAST(run_id AS INTEGER)) WHERE run_id IS NOT NULL;
-- The rare kinds only: the three that make up nearly all rows are found by reading on.
CREATE INDEX events_rare ON events (kind) WHERE kind NOT IN ('job.created', 'job.status', 'job.stage');

-- `options` and `backends` (JSON) are of an executor that is not `local`.
CREATE TABLE pools (
    id TEXT PRIMARY KEY,
    slots INTEGER CHECK (slots >= 0), -- null: without limit
    executor TEXT NOT NULL DEFAULT 'local',
    description TEXT,
    paused INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1)),
    paused_by TEXT,
    paused_comment TEXT,
    paused_us INTEGER,
    version INTEGER NOT NULL DEFAULT 1,
    created_us INTEGER,
    changed_us INTEGER,
    changed_by TEXT -- JSON
    , options TEXT,
    backends TEXT,
    capabilities TEXT
) STRICT, WITHOUT ROWID;

-- Stored objects of all kinds (components, configurations ...): which version of each is current.
-- `scope` has what identifies an object beside its id: empty, or `<branch>/<component>` for a configuration.
CREATE TABLE objects (
    project TEXT NOT NULL,
    kind TEXT NOT NULL,
    scope TEXT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 1),
    deleted INTEGER NOT NULL DEFAULT 0 CHECK (deleted IN (0, 1)),
    created_us INTEGER NOT NULL,
    PRIMARY KEY (project, kind, scope, id)
) STRICT, WITHOUT ROWID;

-- Their contents; a version once written never changes and stays readable after a delete.
CREATE TABLE object_versions (
    project TEXT NOT NULL,
    kind TEXT NOT NULL,
    scope TEXT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    body TEXT NOT NULL, -- JSON
    description TEXT,
    changed_us INTEGER NOT NULL,
    changed_by TEXT NOT NULL, -- JSON
    PRIMARY KEY (project, kind, scope, id, version),
    FOREIGN KEY (project, kind, scope, id) REFERENCES objects (project, kind, scope, id)
) STRICT;

-- What the last successful run of a configuration, or of one row of it, left behind.
CREATE TABLE states (
    project TEXT NOT NULL,
    branch TEXT NOT NULL,
    component TEXT NOT NULL,
    config TEXT NOT NULL,
    row TEXT NOT NULL, -- empty for the configuration itself
    version INTEGER NOT NULL CHECK (version >= 1),
    body TEXT NOT NULL, -- JSON
    changed_us INTEGER NOT NULL,
    job_id INTEGER,
    PRIMARY KEY (project, branch, component, config, row)
) STRICT;

CREATE INDEX states_job ON states (job_id) WHERE job_id IS NOT NULL;

-- The last states that others replaced, for those who undo a job.
CREATE TABLE earlier_states (
    project TEXT NOT NULL,
    branch TEXT NOT NULL,
    component TEXT NOT NULL,
    config TEXT NOT NULL,
    row TEXT NOT NULL,
    version INTEGER NOT NULL,
    body TEXT NOT NULL, -- JSON
    changed_us INTEGER NOT NULL,
    job_id INTEGER,
    PRIMARY KEY (project, branch, component, config, row, version)
) STRICT;
CREATE INDEX earlier_states_job ON earlier_states (job_id) WHERE job_id IS NOT NULL;

-- Which request was done under which deduplication id, and what it made.
CREATE TABLE dedup (
    project TEXT NOT NULL,
    uid INTEGER NOT NULL,
    method TEXT NOT NULL,
    id TEXT NOT NULL,
    params_hash TEXT NOT NULL,
    ref TEXT NOT NULL, -- JSON
    job_id INTEGER, -- kept while this job exists
    created_us INTEGER NOT NULL,
    PRIMARY KEY (project, uid, method, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX dedup_created ON dedup (created_us);
CREATE INDEX dedup_job ON dedup (job_id) WHERE job_id IS NOT NULL;

-- Programs that run for the daemon outside of jobs: what asked for each, until its outcome is delivered.
CREATE TABLE asides (
    token TEXT PRIMARY KEY,
    purpose TEXT NOT NULL,
    reference TEXT NOT NULL, -- JSON
    account TEXT, -- JSON: uid, gid, groups; of another account than the daemon's
    created_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What blocked jobs wait for; jobs that wait for the same share it, and none is kept without jobs.
CREATE TABLE recovery_conditions (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL,
    tester TEXT NOT NULL, -- in words
    asks INTEGER NOT NULL CHECK (asks IN (0, 1)), -- 0: nothing is tested, the pause alone decides
    next_check_us INTEGER NOT NULL,
    pause_us INTEGER NOT NULL, -- before the next check
    checks INTEGER NOT NULL,
    last TEXT -- JSON: what the last check came to
) STRICT, WITHOUT ROWID;

-- The jobs that a schedule made, without what is below them. All have in `schedule`, JSON, what they are told of it.
CREATE INDEX jobs_schedule ON jobs (project, schedule_id) WHERE schedule_id IS NOT NULL;
CREATE INDEX jobs_trigger ON jobs (project, trigger_id) WHERE trigger_id IS NOT NULL;

-- Where each schedule stands. What it is stands in `objects`; a deleted one has no row here.
CREATE TABLE schedules (
    project TEXT NOT NULL,
    id TEXT NOT NULL,
    owner_uid INTEGER NOT NULL,
    owner_gid INTEGER NOT NULL,
    owner_name TEXT NOT NULL,
    zone TEXT NOT NULL,
    zone_digest TEXT NOT NULL, -- of the rules by which it was planned
    settled_us INTEGER NOT NULL, -- all moments up to this one have an outcome
    settled_wall_us INTEGER NOT NULL, -- what the clock on the wall showed then, as if it were UTC
    due_us INTEGER, -- when something is to be decided again; null for never
    paused_us INTEGER,
    paused_until_us INTEGER,
    pause TEXT, -- JSON: by whom, and the comment
    disabled_us INTEGER,
    broken TEXT, -- why it cannot be planned
    firings INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0, -- in a row
    fired_us INTEGER, -- the moment of its newest job
    PRIMARY KEY (project, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX schedules_due ON schedules (due_us) WHERE due_us IS NOT NULL;
CREATE INDEX schedules_zone ON schedules (zone, zone_digest);
CREATE INDEX schedules_settled ON schedules (settled_us);
CREATE INDEX schedules_broken ON schedules (broken) WHERE broken IS NOT NULL;

-- What became of every moment: moments in a row of which the same became share a row, fired ones never.
CREATE TABLE moments (
    project TEXT NOT NULL,
    schedule TEXT NOT NULL,
    moment_us INTEGER NOT NULL,
    last_us INTEGER NOT NULL,
    count INTEGER, -- null: too many to be counted
    wall TEXT NOT NULL,
    due_us INTEGER NOT NULL,
    decided_us INTEGER NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('fired', 'merged', 'skipped', 'missed', 'failed')),
    cause TEXT NOT NULL,
    job_id INTEGER,
    version INTEGER NOT NULL,
    error TEXT, -- JSON
    PRIMARY KEY (project, schedule, moment_us),
    CHECK (last_us >= moment_us),
    CHECK ((job_id IS NOT NULL) = (outcome IN ('fired', 'merged'))),
    CHECK (outcome <> 'fired' OR last_us = moment_us)
) STRICT, WITHOUT ROWID;
CREATE INDEX moments_last ON moments (last_us);

-- Further jobs of a moment: backfills, and runs by hand.
CREATE TABLE moment_jobs (
    project TEXT NOT NULL,
    schedule TEXT NOT NULL,
    moment_us INTEGER NOT NULL,
    job_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    backfill TEXT,
    PRIMARY KEY (project, schedule, moment_us, job_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX moment_jobs_job ON moment_jobs (job_id);
CREATE INDEX moment_jobs_backfill ON moment_jobs (backfill, job_id) WHERE backfill IS NOT NULL;

-- Moments of which a job is expected to end well before a time.
CREATE TABLE expectations (
    project TEXT NOT NULL,
    schedule TEXT NOT NULL,
    moment_us INTEGER NOT NULL,
    deadline_us INTEGER NOT NULL,
    PRIMARY KEY (project, schedule, moment_us)
) STRICT, WITHOUT ROWID;
CREATE INDEX expectations_deadline ON expectations (deadline_us);

-- Triggers: where each stands. `due_us` is when it fires if nothing more happens.
CREATE TABLE triggers (
    project TEXT NOT NULL,
    id TEXT NOT NULL,
    owner_uid INTEGER NOT NULL,
    owner_gid INTEGER NOT NULL,
    owner_name TEXT NOT NULL,
    since_seq INTEGER NOT NULL, -- it hears the events behind this one
    due_us INTEGER,
    fired_us INTEGER,
    paused_us INTEGER,
    pause TEXT, -- JSON: by whom, and the comment
    is_disabled INTEGER NOT NULL DEFAULT 0 CHECK (is_disabled IN (0, 1)),
    firings INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0, -- in a row
    broken TEXT, -- why it hears of no files
    watched TEXT NOT NULL DEFAULT '{}', -- JSON: since when each condition of files holds, in ns
    PRIMARY KEY (project, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX triggers_due ON triggers (due_us) WHERE due_us IS NOT NULL;

-- What a trigger heard since its last firing. An event is one cause, whatever conditions it meets.
CREATE TABLE causes (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    project TEXT NOT NULL,
    id TEXT NOT NULL,
    seq INTEGER, -- of the event, NULL for a file
    time_us INTEGER NOT NULL,
    conditions TEXT NOT NULL, -- JSON: places
    heard TEXT NOT NULL, -- JSON: as the wire has it
    depth INTEGER NOT NULL,
    UNIQUE (project, id, seq)
) STRICT;
CREATE INDEX causes_of ON causes (project, id, number);

-- What became of a trigger's causes, a row for each firing.
CREATE TABLE firings (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    project TEXT NOT NULL,
    id TEXT NOT NULL,
    last_cause INTEGER, -- its number, NULL when there was none
    decided_us INTEGER NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('fired', 'merged', 'skipped', 'failed')),
    because TEXT NOT NULL,
    job_id INTEGER,
    version INTEGER NOT NULL,
    causes TEXT NOT NULL, -- JSON
    error TEXT, -- JSON
    UNIQUE (project, id, last_cause)
) STRICT;
CREATE INDEX firings_of ON firings (project, id, number);

-- What triggers know of files, and the watchers that tell them.
CREATE TABLE known_files (
    project TEXT NOT NULL,
    id TEXT NOT NULL,
    folder TEXT NOT NULL,
    name TEXT NOT NULL,
    inode INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    token TEXT NOT NULL, -- of the watcher that told it last
    gone_us INTEGER, -- since when it is not there
    PRIMARY KEY (project, id, folder, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX known_files_gone ON known_files (gone_us) WHERE gone_us IS NOT NULL;

CREATE TABLE watchers (
    uid INTEGER PRIMARY KEY,
    token TEXT NOT NULL UNIQUE,
    watches TEXT NOT NULL, -- JSON: what it was told to watch
    next_seq INTEGER NOT NULL DEFAULT 0 -- its log was read up to this frame
) STRICT;

-- Tables as lockside shows them: the head is the version that counts, and changes only here. `oldest` is the oldest
-- version whose files are kept. One that was dropped has a key that no id is; `trash` is the name of its folder in the
-- trash of its bucket, once it is there. `trouble` is JSON: why it can be read only.
CREATE TABLE tables (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    project TEXT NOT NULL,
    branch_id TEXT NOT NULL,
    id TEXT NOT NULL,
    key TEXT NOT NULL UNIQUE, -- no two ids differ in capitals only
    head INTEGER NOT NULL CHECK (head >= 0),
    definition TEXT NOT NULL, -- JSON: columns, primary key, description
    rows_count INTEGER NOT NULL CHECK (rows_count >= 0),
    size_bytes INTEGER NOT NULL CHECK (size_bytes >= 0),
    created_us INTEGER NOT NULL,
    imported_us INTEGER NOT NULL,
    changed_us INTEGER NOT NULL,
    oldest INTEGER NOT NULL DEFAULT 0 CHECK (oldest BETWEEN 0 AND head),
    dropped_us INTEGER,
    trash TEXT,
    trouble TEXT
) STRICT;
CREATE INDEX tables_dropped ON tables (dropped_us) WHERE dropped_us IS NOT NULL;

-- What each commit made of a table. A commit is published when readers of the folder see it, too.
CREATE TABLE table_versions (
    number INTEGER NOT NULL REFERENCES tables (number) ON DELETE CASCADE,
    version INTEGER NOT NULL CHECK (version >= 0),
    serial INTEGER NOT NULL UNIQUE,
    time_us INTEGER NOT NULL,
    job_id INTEGER,
    operation TEXT NOT NULL,
    details TEXT NOT NULL, -- JSON: who wrote it, from what, and how many rows
    rows_count INTEGER NOT NULL CHECK (rows_count >= 0),
    staged TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    account TEXT, -- JSON: uid, gid, groups of who publishes it; of another account than the daemon's
    published_us INTEGER,
    PRIMARY KEY (number, version)
) STRICT, WITHOUT ROWID;
CREATE INDEX table_versions_job ON table_versions (job_id);
CREATE INDEX table_versions_unpublished ON table_versions (number, version) WHERE published_us IS NULL;

-- What is told of tables and their columns. A provider has one value for a key; `column_name` is empty for the table.
CREATE TABLE table_metadata (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    number INTEGER NOT NULL REFERENCES tables (number) ON DELETE CASCADE,
    column_name TEXT NOT NULL,
    provider TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    time_us INTEGER NOT NULL,
    UNIQUE (number, column_name, provider, key)
) STRICT;

-- Which versions of tables a job read that ended well.
CREATE TABLE table_reads (
    number INTEGER NOT NULL REFERENCES tables (number) ON DELETE CASCADE,
    version INTEGER NOT NULL,
    job_id INTEGER NOT NULL,
    PRIMARY KEY (number, version, job_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX table_reads_job ON table_reads (job_id);

-- Stored files. One without a name is a number that a job was given for a file that it is to store. One that was
-- deleted is there until its file is removed.
CREATE TABLE files (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- a part of the file's name on disk: it is never used twice
    project TEXT NOT NULL,
    branch_id TEXT NOT NULL,
    uid INTEGER NOT NULL, -- the account that has it
    job_id INTEGER,
    name TEXT,
    size_bytes INTEGER NOT NULL DEFAULT 0 CHECK (size_bytes >= 0),
    sha256 TEXT NOT NULL DEFAULT '',
    created_us INTEGER NOT NULL,
    expires_us INTEGER,
    deleted_us INTEGER,
    details TEXT NOT NULL DEFAULT '{}' -- JSON: who stored it
) STRICT;
CREATE INDEX files_of_branch ON files (project, branch_id, id) WHERE name IS NOT NULL AND deleted_us IS NULL;
CREATE INDEX files_of_job ON files (job_id);
CREATE INDEX files_expiring ON files (project, expires_us) WHERE expires_us IS NOT NULL AND deleted_us IS NULL;
CREATE INDEX files_removable ON files (project) WHERE name IS NULL OR deleted_us IS NOT NULL;

CREATE TABLE file_tags (
    file_id INTEGER NOT NULL REFERENCES files (id) ON DELETE CASCADE,
    tag TEXT NOT NULL,
    PRIMARY KEY (file_id, tag)
) STRICT, WITHOUT ROWID;
CREATE INDEX file_tags_by_tag ON file_tags (tag, file_id);

-- Up to where a configuration, or a row of it, read its adaptive inputs at its last good run.
CREATE TABLE input_states (
    project TEXT NOT NULL,
    branch TEXT NOT NULL,
    component TEXT NOT NULL,
    config TEXT NOT NULL,
    row TEXT NOT NULL, -- empty for the configuration itself
    body TEXT NOT NULL, -- JSON
    before TEXT, -- the body that it replaced, for those who undo the job
    changed_us INTEGER NOT NULL,
    job_id INTEGER,
    PRIMARY KEY (project, branch, component, config, row)
) STRICT;

-- Where a subscription stands: it hears events behind `since_seq`. Its document is an object of the catalog.
CREATE TABLE subscriptions (
    project TEXT NOT NULL,
    id TEXT NOT NULL,
    since_seq INTEGER NOT NULL,
    owner TEXT NOT NULL, -- JSON
    secrets TEXT NOT NULL DEFAULT '{}', -- JSON, encrypted: what lockside made, and what was replaced last
    is_shown INTEGER NOT NULL DEFAULT 0 CHECK (is_shown IN (0, 1)), -- an answer had the secret
    rotated_us INTEGER,
    PRIMARY KEY (project, id)
) STRICT;

-- How often a configuration failed in a row, as a subscription counts it, and whether that was told.
CREATE TABLE failure_runs (
    project TEXT NOT NULL,
    subscription TEXT NOT NULL,
    subject TEXT NOT NULL,
    failures INTEGER NOT NULL,
    is_told INTEGER NOT NULL CHECK (is_told IN (0, 1)),
    PRIMARY KEY (project, subscription, subject)
) STRICT, WITHOUT ROWID;

-- Who is told something: a subscription, or of a job's own notification the scheme and host.
CREATE TABLE receivers (
    id INTEGER PRIMARY KEY,
    project TEXT NOT NULL,
    name TEXT NOT NULL,
    UNIQUE (project, name)
) STRICT;
-- What is told of an event, once for all who are told it.
CREATE TABLE notices (
    id INTEGER PRIMARY KEY,
    project TEXT NOT NULL,
    event TEXT NOT NULL,
    seq INTEGER NOT NULL,
    job_id INTEGER,
    body TEXT NOT NULL, -- JSON
    created_us INTEGER NOT NULL
) STRICT;
-- One notice to one receiver. `next_us` is when it is due, `token` who has it. Those with the same `digest` are one
-- message, whose id is that of the first of them. References would cost an index for each delivery.
CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- receivers know it: it is never used twice
    notice_id INTEGER NOT NULL,
    receiver_id INTEGER NOT NULL,
    place INTEGER NOT NULL DEFAULT -1, -- among the notifications of its job; -1: a subscription's
    status TEXT NOT NULL,
    attempts TEXT NOT NULL DEFAULT '[]', -- JSON
    next_us INTEGER,
    token TEXT,
    ended_us INTEGER,
    attempted_us INTEGER, -- when it was given to a courier last
    digest INTEGER,
    url TEXT, -- of a job's own notification, filled in
    channel TEXT NOT NULL DEFAULT 'webhook',
    CHECK (CASE status
        WHEN 'pending' THEN next_us IS NOT NULL AND token IS NULL
        WHEN 'sending' THEN next_us IS NULL AND token IS NOT NULL
        ELSE status IN ('delivered', 'dead', 'cancelled') AND next_us IS NULL AND token IS NULL
    END),
    UNIQUE (notice_id, receiver_id, place)
) STRICT;CREATE INDEX deliveries_due ON deliveries (receiver_id, next_us) WHERE status = 'pending';
CREATE INDEX deliveries_sending ON deliveries (receiver_id) WHERE status = 'sending';
CREATE INDEX deliveries_attempted ON deliveries (receiver_id, attempted_us) WHERE attempted_us IS NOT NULL;
CREATE INDEX deliveries_ended ON deliveries (receiver_id, status, ended_us) WHERE ended_us IS NOT NULL;
CREATE INDEX deliveries_digest ON deliveries (digest) WHERE digest IS NOT NULL;

-- Deliveries with what they tell, to read.
CREATE VIEW told_deliveries AS
SELECT d.id, n.project, r.name AS receiver, d.channel, d.place, n.job_id, n.event, n.seq, d.notice_id, d.status, d.attempts,
    d.next_us, d.token, n.created_us, d.ended_us, d.digest, d.url
FROM deliveries d JOIN notices n ON n.id = d.notice_id JOIN receivers r ON r.id = d.receiver_id;

-- Until when what a subscription is told is gathered, and the message that is to have it (NULL: none yet).
CREATE TABLE digests (
    project TEXT NOT NULL,
    subscription TEXT NOT NULL,
    until_us INTEGER NOT NULL,
    leader INTEGER,
    PRIMARY KEY (project, subscription)
) STRICT, WITHOUT ROWID;

-- What a user may show instead of being one of the machine's, at most with a role and in one project alone.
CREATE TABLE tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- a part of the secret: it is never used twice
    project TEXT NOT NULL,
    name TEXT NOT NULL,
    uid INTEGER NOT NULL,
    gid INTEGER NOT NULL,
    user TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    sha256 BLOB NOT NULL, -- of the secret, which is stored nowhere
    made_with INTEGER, -- the token with which it was made, and with which it ends
    created_us INTEGER NOT NULL,
    expires_us INTEGER
) STRICT;
CREATE INDEX tokens_of_user ON tokens (project, uid, id);
CREATE INDEX tokens_made_with ON tokens (made_with) WHERE made_with IS NOT NULL;

-- Notifications that jobs asked for themselves, and that were told what they waited for.
CREATE TABLE spent_notifications (
    job_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    PRIMARY KEY (job_id, place)
) STRICT, WITHOUT ROWID;

-- What is told of a job when it takes long: `after_us` of running or waiting after the event `seq`.
CREATE TABLE notification_timers (
    job_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    project TEXT NOT NULL,
    subscription TEXT NOT NULL,
    event TEXT NOT NULL,
    seq INTEGER NOT NULL,
    after_us INTEGER NOT NULL,
    average_us INTEGER, -- how long such jobs took
    PRIMARY KEY (job_id, project, subscription, event)
) STRICT, WITHOUT ROWID;

-- What was not written because too much was pending, since that was told last.
CREATE TABLE dropped_notifications (
    project TEXT PRIMARY KEY,
    count INTEGER NOT NULL,
    told_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Failed records, as runs of lines in the lists that jobs left. Numbers are those of all jobs of a family: the
-- outermost job, what is below it, and the retries of all of them. What was given to a retry and whether that
-- ended well says whether records are still open.
CREATE TABLE failed_records (
    family_id INTEGER NOT NULL, -- the outermost job
    number INTEGER NOT NULL CHECK (number > 0), -- of the first
    count INTEGER NOT NULL CHECK (count > 0),
    job_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE, -- whose list it is
    retry_id INTEGER, -- the retry that this job is, or is part of
    row TEXT NOT NULL, -- '' for the configuration itself
    path TEXT NOT NULL, -- below the work path
    line INTEGER NOT NULL CHECK (line >= 0), -- of the first, among the good ones
    is_rejected INTEGER NOT NULL CHECK (is_rejected IN (0, 1)), -- left out by an output step: never retried
    given_to INTEGER, -- the retry that was last given them
    PRIMARY KEY (family_id, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX failed_records_job ON failed_records (job_id);
CREATE INDEX failed_records_given ON failed_records (given_to) WHERE given_to IS NOT NULL;
