-- Tables: their heads and versions, and which job writes which.

ALTER TABLE jobs ADD COLUMN claim TEXT;
ALTER TABLE jobs ADD COLUMN reads TEXT;
ALTER TABLE jobs ADD COLUMN pins TEXT;

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
    changed_us INTEGER NOT NULL
) STRICT;

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
