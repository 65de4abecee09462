-- Stored files and their tags.
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
