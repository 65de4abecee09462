-- Files as causes of triggers. Causes and firings have numbers of their own, because no event tells of a file.
CREATE TABLE old_triggers AS SELECT * FROM triggers;
DROP TABLE triggers;
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
INSERT INTO triggers (project, id, owner_uid, owner_gid, owner_name, since_seq, due_us, fired_us, paused_us, pause,
    is_disabled, firings, failures)
SELECT project, id, owner_uid, owner_gid, owner_name, since_seq, due_us, fired_us, paused_us, pause,
    is_disabled, firings, failures
FROM old_triggers;
DROP TABLE old_triggers;
CREATE INDEX triggers_due ON triggers (due_us) WHERE due_us IS NOT NULL;

CREATE TABLE old_causes AS SELECT * FROM causes;
DROP TABLE causes;
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
INSERT INTO causes (project, id, seq, time_us, conditions, heard, depth)
SELECT project, id, seq, time_us, conditions, heard, depth
FROM old_causes ORDER BY seq;
DROP TABLE old_causes;
CREATE INDEX causes_of ON causes (project, id, number);

CREATE TABLE old_firings AS SELECT * FROM firings;
DROP TABLE firings;
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
INSERT INTO firings (project, id, decided_us, outcome, because, job_id, version, causes, error)
SELECT project, id, decided_us, outcome, because, job_id, version, causes, error
FROM old_firings ORDER BY last_seq;
DROP TABLE old_firings;
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
