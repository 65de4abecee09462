-- Programs that run for the daemon outside of jobs are found again after a restart.

CREATE TABLE asides (
    token TEXT PRIMARY KEY,
    purpose TEXT NOT NULL,
    reference TEXT NOT NULL, -- JSON
    account TEXT, -- JSON: uid, gid, groups; of another account than the daemon's
    created_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
