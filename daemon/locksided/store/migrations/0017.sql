-- Metadata of tables, who read them, and up to where adaptive inputs were read.

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
