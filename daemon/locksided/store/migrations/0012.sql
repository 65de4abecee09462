-- Undoing a job: the states that others replaced, and who undid it. Tables in the trash, and what is kept of others.

ALTER TABLE jobs ADD COLUMN undone_by INTEGER;
ALTER TABLE jobs ADD COLUMN pinned TEXT;

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
CREATE INDEX states_job ON states (job_id) WHERE job_id IS NOT NULL;

ALTER TABLE tables ADD COLUMN oldest INTEGER NOT NULL DEFAULT 0 CHECK (oldest BETWEEN 0 AND head);
ALTER TABLE tables ADD COLUMN dropped_us INTEGER;
ALTER TABLE tables ADD COLUMN trash TEXT;
ALTER TABLE tables ADD COLUMN trouble TEXT;
CREATE INDEX tables_dropped ON tables (dropped_us) WHERE dropped_us IS NOT NULL;
