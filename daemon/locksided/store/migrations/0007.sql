-- A job can depend on the failure of another.

CREATE TEMP TABLE kept_dependencies AS SELECT * FROM dependencies;
DROP TABLE dependencies;
CREATE TABLE dependencies (
    job_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    on_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    condition TEXT NOT NULL CHECK (condition IN ('success', 'failed', 'final', 'phase')),
    PRIMARY KEY (job_id, on_id),
    CHECK (job_id <> on_id)
) STRICT, WITHOUT ROWID;
INSERT INTO dependencies (job_id, on_id, condition) SELECT job_id, on_id, condition FROM kept_dependencies;
DROP TABLE kept_dependencies;
CREATE INDEX dependencies_on ON dependencies (on_id);
