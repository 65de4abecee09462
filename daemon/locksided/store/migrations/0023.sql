-- Lists of jobs by the time of their start, and by members of their specifications.

CREATE INDEX jobs_started ON jobs (project, ifnull(start_us, 9223372036854775807));
CREATE INDEX jobs_block_started ON jobs (project, id >> 12, ifnull(start_us, 9223372036854775807));

CREATE TABLE spec_terms (
    term TEXT NOT NULL,
    value TEXT NOT NULL,
    hash TEXT NOT NULL REFERENCES specs (hash) ON DELETE CASCADE,
    PRIMARY KEY (term, value, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX spec_terms_hash ON spec_terms (hash);

-- Only specifications have a format: environments are not looked into.
INSERT INTO spec_terms (term, value, hash)
SELECT 'tag', value, hash FROM specs, json_each(CAST(body AS TEXT), '$.tag')
WHERE json_valid(CAST(body AS TEXT)) AND json_type(CAST(body AS TEXT), '$.format') = 'integer' AND type = 'text'
UNION SELECT 'row', value, hash FROM specs, json_each(CAST(body AS TEXT), '$.configRowIds')
WHERE json_valid(CAST(body AS TEXT)) AND json_type(CAST(body AS TEXT), '$.format') = 'integer';
