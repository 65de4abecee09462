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
