-- Lists by range of times find their first job at once.

CREATE INDEX jobs_block_created ON jobs (project, id >> 12, created_us);
CREATE INDEX jobs_block_ended ON jobs (project, id >> 12, ifnull(end_us, 9223372036854775807));
