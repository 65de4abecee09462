-- Schedules: where each stands, what became of its moments, and what its jobs are told.

ALTER TABLE jobs ADD COLUMN schedule TEXT;
ALTER TABLE jobs ADD COLUMN schedule_id TEXT;
ALTER TABLE jobs ADD COLUMN trigger TEXT;
ALTER TABLE jobs ADD COLUMN trigger_id TEXT;

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
    PRIMARY KEY (project, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX triggers_due ON triggers (due_us) WHERE due_us IS NOT NULL;

-- What a trigger heard since its last firing. An event is one cause, whatever conditions it meets.
CREATE TABLE causes (
    project TEXT NOT NULL,
    id TEXT NOT NULL,
    seq INTEGER NOT NULL, -- of the event
    time_us INTEGER NOT NULL,
    conditions TEXT NOT NULL, -- JSON: places
    heard TEXT NOT NULL, -- JSON: as the wire has it
    depth INTEGER NOT NULL,
    PRIMARY KEY (project, id, seq)
) STRICT, WITHOUT ROWID;

-- What became of a trigger's causes, a row for each firing.
CREATE TABLE firings (
    project TEXT NOT NULL,
    id TEXT NOT NULL,
    last_seq INTEGER NOT NULL, -- of its last cause
    decided_us INTEGER NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('fired', 'merged', 'skipped', 'failed')),
    because TEXT NOT NULL,
    job_id INTEGER,
    version INTEGER NOT NULL,
    causes TEXT NOT NULL, -- JSON
    error TEXT, -- JSON
    PRIMARY KEY (project, id, last_seq)
) STRICT, WITHOUT ROWID;
