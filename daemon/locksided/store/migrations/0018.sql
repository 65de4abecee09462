-- Recovery: jobs that are blocked, and the conditions that they wait for.

ALTER TABLE jobs ADD COLUMN block TEXT CHECK (block IS NULL OR status = 'created');
ALTER TABLE jobs ADD COLUMN blocked_count INTEGER NOT NULL DEFAULT 0 CHECK (blocked_count >= 0);
ALTER TABLE jobs ADD COLUMN blocked_us INTEGER;

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
